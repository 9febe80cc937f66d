/* gnuplot's SVG for the inside of a page: its ink and its linetypes become the page's colours,
 * which follow light and dark, its ids get a prefix of their own, its title is ours, its fonts are
 * the page's. */
#ifndef GK_SVG_H
#define GK_SVG_H

#include "gk/base.h"

#define GK_SVG_INK "#010203" /* the colour in scripts that becomes currentColor */

/* seen: the description, "": none. */
void gk_svg_inline(gk_text *out, const char *svg, const char *id, const char *title,
                   const char *seen);

#endif
