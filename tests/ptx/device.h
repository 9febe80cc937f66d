/* What the tests and the meter need besides ptx.h: the texts, the programs and the counts. */
#ifndef GK_PTX_DEVICE_H
#define GK_PTX_DEVICE_H

#include "machine.h"
#include "ptx.h"

namespace gk_ptx
{

/* By the file's name. Throws std::runtime_error. */
std::map<std::string, std::string> read_folder(const std::string &folder);
/* Launches run these from now on. Throws std::runtime_error where a text is wrong. */
void use(const std::map<std::string, std::string> &texts);

/* One of them anew. */
void replace(const std::string &file, const std::string &text);

const std::map<std::string, const kernel *> &all_kernels(); /* by name */
const std::map<std::string, kernel_counts> &all_counts();

} // namespace gk_ptx

#endif
