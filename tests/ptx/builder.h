/* A kernel's code in the making: where its registers, constants and labels are. */
#ifndef GK_PTX_BUILDER_H
#define GK_PTX_BUILDER_H

#include "program.h"

namespace gk_ptx
{

class builder
{
  public:
    explicit builder(kernel *k);
    kernel *result() { return k; }

    std::map<std::string, uint64_t> symbols; /* addresses of shared and local arrays, parameters */

    void declare(const std::string &name, int size); /* of all registers that begin with it */
    /* Of a register, by its declaration; 0: a predicate; -1: none such. */
    int size_of(const std::string &prefix, const std::string &name) const;
    bool is_special(const std::string &name) const { return specials.count(name) > 0; }
    uint32_t reg(const std::string &name, int size);
    uint32_t constant_of(uint64_t value, int size);
    uint32_t end_of_shared(int size); /* the address where a launch's own shared memory begins */

    void label(const std::string &name) { labels[name] = (int)k->code.size(); }
    void add(const instruction &i, const std::string &to = "");
    void finish(); /* throws where a label is missing */

  private:
    kernel *k;
    std::map<std::string, int> sizes, labels;
    std::map<std::string, uint32_t> registers, specials;
    std::map<std::pair<uint64_t, int>, uint32_t> constants;
    std::vector<std::pair<size_t, std::string>> branches;
    int end_constant = -1;

    uint32_t place(int size);
};

} // namespace gk_ptx

#endif
