/* How wide a line may be. */
#include "gk/base.h"

#include <stdlib.h>
#include <sys/ioctl.h>

int gk_terminal_width(int fd)
{
    enum { USUAL = 80, MOST = 10000 };
    const char *columns = getenv("COLUMNS");
    struct winsize size;
    int64_t said;

    if (ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
    return columns && gk_parse_int(columns, &said) && said > 0 && said <= MOST ? (int)said : USUAL;
}
