/* gnuplot's SVG for the inside of a page: its ink becomes the page's text colour, its ids get a
 * prefix of their own, its title is ours, its fonts are the page's. */
#ifndef GK_SVG_H
#define GK_SVG_H

#include "gk/base.h"

#define GK_SVG_INK "#010203" /* the colour in scripts that becomes currentColor */

void gk_svg_inline(gk_text *out, const char *svg, const char *id, const char *title);

#endif
