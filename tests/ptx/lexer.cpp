/* Lines with a directive of their own are taken first; the rest is words. */
#include "lexer.h"

#include <cctype>
#include <cstdlib>
#include <cstring>
#include <sstream>
#include <stdexcept>

namespace gk_ptx
{

static bool begins_name(char c) { return isalpha((unsigned char)c) || strchr("_$%.", c); }

static bool in_name(char c) { return isalnum((unsigned char)c) || strchr("_$%.", c); }

/* The end of the word that begins at `from`. */
static size_t word_end(const std::string &line, size_t from)
{
    size_t to = from + 1;

    if (line[from] == '"') {
        to = line.find('"', to);
        return to == std::string::npos ? line.size() : to + 1;
    }
    if (begins_name(line[from]))
        while (to < line.size() && in_name(line[to])) to++;
    else if (isdigit((unsigned char)line[from]))
        while (to < line.size() && isalnum((unsigned char)line[to])) to++;
    return to;
}

static void split(const std::string &line, word like, std::vector<word> *words)
{
    for (size_t at = 0; at < line.size();) {
        if (isspace((unsigned char)line[at])) {
            at++;
            continue;
        }
        if (line.compare(at, 2, "//") == 0) return;
        size_t end = word_end(line, at);
        like.text = line.substr(at, end - at);
        words->push_back(like);
        at = end;
    }
}

static void add_file(const std::string &line, std::map<int, std::string> *files)
{
    size_t from = line.find('"'), to = line.rfind('"');

    if (from == std::string::npos || to <= from) return;
    std::string path = line.substr(from + 1, to - from - 1);
    (*files)[atoi(line.c_str() + 5)] = path.substr(path.rfind('/') + 1);
}

static bool begins(const std::string &line, const char *with)
{
    return line.compare(0, strlen(with), with) == 0;
}

std::vector<word> words_of(const std::string &text, std::map<int, std::string> *files)
{
    std::istringstream in(text);
    std::vector<word> words;
    word like = {"", 0, 0, 0};

    for (std::string line; std::getline(in, line);) {
        size_t from = line.find_first_not_of(" \t");

        like.row++;
        if (from == std::string::npos) continue;
        line.erase(0, from);
        if (begins(line, ".section")) break; /* debug data, at the end */
        if (begins(line, ".loc\t") || begins(line, ".loc "))
            sscanf(line.c_str(), ".loc %d %d", &like.file, &like.line);
        else if (begins(line, ".file"))
            add_file(line, files);
        else if (!begins(line, ".version") && !begins(line, ".target") &&
                 !begins(line, ".address_size"))
            split(line, like, &words);
    }
    return words;
}

bool is_number(const std::string &word) { return !word.empty() && isdigit((unsigned char)word[0]); }

uint64_t number(const std::string &word)
{
    bool bits = word.size() > 2 && word[0] == '0' && strchr("fFdD", word[1]);

    return bits ? strtoull(word.c_str() + 2, nullptr, 16) : strtoull(word.c_str(), nullptr, 0);
}

const word &cursor::here() const
{
    if (ended()) throw std::runtime_error(file + ": ends too early");
    return words[at];
}

const std::string &cursor::peek(size_t ahead) const
{
    static const std::string nothing;

    return at + ahead < words.size() ? words[at + ahead].text : nothing;
}

std::string cursor::next()
{
    std::string text = here().text;

    at++;
    return text;
}

bool cursor::take(const char *text)
{
    if (peek() != text) return false;
    at++;
    return true;
}

void cursor::expect(const char *text)
{
    if (!take(text)) fail("\"" + peek() + "\" where \"" + text + "\" was expected");
}

void cursor::skip_past(const char *text)
{
    while (next() != text) continue;
}

void cursor::fail(const std::string &why) const
{
    int row = words.empty() ? 0 : words[at < words.size() ? at : words.size() - 1].row;

    throw std::runtime_error(file + ":" + std::to_string(row) + ": " + why);
}

} // namespace gk_ptx
