/* The words of a PTX text, each with the place in the kernels' source that a .loc named. */
#ifndef GK_PTX_LEXER_H
#define GK_PTX_LEXER_H

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace gk_ptx
{

struct word {
    std::string text;
    int row;        /* of the PTX */
    int file, line; /* of the source */
};

/* Directives that are of no use here (.version, .section and what follows it) are left out;
 * `files` gets the names of the source's files. */
std::vector<word> words_of(const std::string &text, std::map<int, std::string> *files);

bool is_number(const std::string &word);
uint64_t number(const std::string &word); /* 12, 0x1f, 0f3F800000, 0d3FF0000000000000 */

/* Walks along words, with errors that say where. */
class cursor
{
  public:
    cursor(const std::string &file, const std::vector<word> &words, size_t at = 0)
        : file(file), words(words), at(at)
    {
    }
    bool ended() const { return at >= words.size(); }
    const word &here() const;
    const std::string &peek(size_t ahead = 0) const;
    std::string next();
    bool take(const char *text);   /* if it is the next word */
    void expect(const char *text); /* fails if it is not */
    void skip_past(const char *text);
    size_t position() const { return at; }
    [[noreturn]] void fail(const std::string &why) const;

  private:
    const std::string &file;
    const std::vector<word> &words;
    size_t at;
};

} // namespace gk_ptx

#endif
