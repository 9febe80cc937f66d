/* Mutants of the PTX: one instruction of a kernel changed, and the rows of gk_verify that come to
 * it must be wrong, or the interpreter must find a fault. Those proved equal stand in equal.txt,
 * with the reason; any other that lives fails.
 *
 *     ptx_mutants FOLDER EQUAL.txt [KERNEL [EACH]]
 *
 * FOLDER: .ptx files. Of a kernel every barrier is taken out, one at a time, and of each other kind
 * of change EACH (2) instructions are, evenly among those that the small rows come to. */
#include "cases.h"
#include "device.h"

#include <algorithm>
#include <cstring>
#include <fstream>
#include <set>
#include <sstream>
#include <stdexcept>

using namespace gk_ptx;

/* Of a case: the product of its sizes. Large ones of the same ops: for mutants that still live; of
 * the tables all, whose sizes are no factors of their work. */
static const double SMALL = 1e5, LARGE = 3e7;
/* A mutant whose blocks are so many times as long as the longest unchanged has no end. */
static const uint64_t LONGER = 4, MANY = 100000000;

/* What is put in place of what, in the text of an instruction. */
struct change {
    const char *name, *from, *to;
    bool each_one; /* not only some */
};
static const change changes[] = {
    {"barrier taken out", "bar.sync", "", true},
    {"warp barrier taken out", "bar.warp.sync", "", true},
    {"shuffle: fewer members", "shfl.sync.", "", false},
    {"shuffle: butterfly to up", "shfl.sync.bfly", "shfl.sync.up", false},
    {"comparison: lt to ge", "setp.lt.", "setp.ge.", false},
    {"comparison: ge to lt", "setp.ge.", "setp.lt.", false},
    {"comparison: gt to le", "setp.gt.", "setp.le.", false},
    {"comparison: eq to ne", "setp.eq.", "setp.ne.", false},
    {"float: add to sub", "add.f32", "sub.f32", false},
    {"double: add to sub", "add.f64", "sub.f64", false},
    {"integer: add to sub", "add.s32", "sub.s32", false},
};

struct mutant {
    std::string file, kernel, place;
    const change *how;
    size_t row; /* of the text */
};

static std::map<std::string, std::string> texts;
static std::map<std::string, std::vector<int>> cases_of; /* kernel: those that come to it */
static std::map<std::string, std::vector<uint64_t>> executed;
static uint64_t longest_block; /* instructions */
static gk_backend be, ref;

/* ---- texts */

static std::vector<std::string> rows_of(const std::string &text)
{
    std::istringstream in(text);
    std::vector<std::string> rows;

    for (std::string row; std::getline(in, row);) rows.push_back(row);
    return rows;
}

static std::string changed(const std::string &row, const change &how)
{
    size_t at = row.find(how.from);

    if (!strcmp(how.from, "shfl.sync.")) return row.substr(0, row.rfind(',')) + ", 65535;";
    if (!*how.to) return ""; /* with its semicolon */
    return row.substr(0, at) + how.to + row.substr(at + strlen(how.from));
}

static std::string text_of(const mutant &m)
{
    std::vector<std::string> rows = rows_of(texts[m.file]);
    std::string text;

    rows[m.row] = changed(rows[m.row], *m.how);
    for (const std::string &row : rows) text += row + "\n";
    return text;
}

/* ---- which rows of gk_verify come to which instruction */

static bool less_work(int a, int b) { return case_work(a) < case_work(b); }

static void find_cases(const std::string &only)
{
    for (int i = 0; i < gk_verify_cases(); i++) {
        gk_verify_result result;

        if (case_work(i) > SMALL) continue;
        gk_ptx_count(1);
        if (!case_right(i, &be, &ref, &result))
            throw std::runtime_error(std::string(result.op) + " (" + result.shape +
                                     ") is wrong unchanged");
        for (const auto &c : all_counts()) {
            if (!only.empty() && c.first.find(only) == std::string::npos) continue;
            std::vector<uint64_t> &all = executed[c.first];
            all.resize(c.second.executed.size());
            for (size_t n = 0; n < all.size(); n++) all[n] += c.second.executed[n];
            cases_of[c.first].push_back(i);
            longest_block = std::max(longest_block, c.second.longest_block);
        }
    }
    gk_ptx_count(0);
    for (auto &k : cases_of) std::stable_sort(k.second.begin(), k.second.end(), less_work);
}

/* Left out as a kind: comparisons and sums with a constant, by which nvcc picks one of two equal
 * loops; shuffles of half a double, whose low half is below many limits. */
static bool worth(const std::vector<std::string> &rows, size_t row, const change &how)
{
    const std::string &text = rows[row];
    size_t last = text.rfind(", ");

    if (text.find(how.from) == std::string::npos) return false;
    if (!strcmp(how.name, "shuffle: butterfly to up")) {
        size_t from = text.find(", ") + 2;
        std::string value = text.substr(from, text.find(',', from) - from), moved = value + ", %f";

        for (size_t before = row, n = 0; before-- > 0 && n < 20; n++)
            if (rows[before].find("mov.b32 \t" + moved) != std::string::npos)
                return rows[before].find(moved + "d") == std::string::npos;
        return false;
    }
    if (!strncmp(how.from, "setp", 4) || !strncmp(how.from, "add", 3))
        return text.compare(last, 3, ", %") == 0;
    return true;
}

/* The mutants of a kernel: of each change all of its instructions, or some. */
static void add_mutants(const kernel &k, size_t each, std::vector<mutant> *to)
{
    const std::vector<uint64_t> &n = executed[k.name];
    std::vector<std::string> rows = rows_of(texts[k.of->file]);

    for (const change &how : changes) {
        std::vector<mutant> all;

        for (size_t i = 0; i < k.code.size(); i++)
            if (n[i] && k.code[i].row && worth(rows, (size_t)k.code[i].row - 1, how))
                all.push_back(
                    {k.of->file, k.name, place_of(k, k.code[i]), &how, (size_t)k.code[i].row - 1});
        size_t kept = how.each_one ? all.size() : std::min(each, all.size());
        for (size_t i = 0; i < kept; i++) to->push_back(all[i * all.size() / kept]);
    }
}

/* ---- their lives */

/* Another result or a fault in one of the cases? */
static bool dies_in(const std::vector<int> &cases)
{
    for (int i : cases) {
        gk_verify_result result;

        if (case_right(i, &be, &ref, &result)) continue;
        cases_close(&be, &ref);
        cases_open(&be, &ref);
        return true;
    }
    return false;
}

static std::string op_of(int i)
{
    gk_verify_result c;

    gk_verify_name(&c, i);
    return c.op;
}

static std::vector<int> large_cases(const std::string &kernel)
{
    std::set<std::string> ops;
    std::vector<int> all;

    for (int i : cases_of[kernel]) ops.insert(op_of(i));
    for (int i = 0; i < gk_verify_cases(); i++)
        if (ops.count(op_of(i)) && case_work(i) > SMALL &&
            (case_work(i) <= LARGE || op_of(i).find("table_") == 0))
            all.push_back(i);
    std::stable_sort(all.begin(), all.end(), less_work);
    return all;
}

static bool is_found(const mutant &m)
{
    replace(m.file, text_of(m));
    most_instructions = LONGER * longest_block;
    bool dies = dies_in(cases_of[m.kernel]);
    most_instructions = MANY;
    dies = dies || dies_in(large_cases(m.kernel));
    replace(m.file, texts[m.file]);
    return dies;
}

/* Lines "kernel | change | text in its place | why equal"; # begins a comment. */
static std::vector<std::vector<std::string>> read_equal(const char *path)
{
    std::vector<std::vector<std::string>> all;
    std::ifstream in(path);

    for (std::string line; std::getline(in, line);) {
        std::vector<std::string> parts;
        std::istringstream of(line);

        if (line.empty() || line[0] == '#') continue;
        for (std::string part; std::getline(of, part, '|');) {
            size_t from = part.find_first_not_of(' '), to = part.find_last_not_of(' ');
            parts.push_back(from == std::string::npos ? "" : part.substr(from, to - from + 1));
        }
        all.push_back(parts);
    }
    return all;
}

static bool is_equal(const mutant &m, const std::vector<std::vector<std::string>> &equal)
{
    for (const auto &e : equal)
        if (e.size() == 4 && m.kernel.find(e[0]) == 0 && m.how->name == e[1] &&
            m.place.find(e[2]) != std::string::npos)
            return true;
    return false;
}

static int run(const char *equal_path, const std::string &only, size_t each)
{
    std::vector<std::vector<std::string>> equal = read_equal(equal_path);
    std::vector<mutant> mutants;
    int alive = 0, equals = 0;

    find_cases(only);
    for (const auto &k : cases_of) add_mutants(*all_kernels().at(k.first), each, &mutants);
    for (const mutant &m : mutants) {
        if (is_found(m)) continue;
        bool known = is_equal(m, equal);
        (known ? equals : alive)++;
        printf("%s: %s: %s at %s\n", known ? "equal" : "ALIVE", m.kernel.c_str(), m.how->name,
               m.place.c_str());
        fflush(stdout);
    }
    printf("%zu mutants, %d proved equal, %d alive\n", mutants.size(), equals, alive);
    return alive ? 1 : mutants.empty() ? 2 : 0;
}

int main(int argc, char **argv)
{
    int status = 2;

    if (argc < 3) {
        fprintf(stderr, "usage: ptx_mutants FOLDER EQUAL.txt [KERNEL [EACH]]\n");
        return 2;
    }
    setenv("GROKC_MATMUL", "own", 1);
    try {
        texts = read_folder(argv[1]);
        use(texts);
        cases_open(&be, &ref);
        status = run(argv[2], argc > 3 ? argv[3] : "", argc > 4 ? (size_t)atoi(argv[4]) : 2);
        cases_close(&be, &ref);
    } catch (const std::runtime_error &e) {
        fprintf(stderr, "%s\n", e.what());
    }
    return status;
}
