/* Text and numbers as they stand in HTML and SVG. */
#ifndef GK_WORDS_H
#define GK_WORDS_H

#include "gk/base.h"

void gk_html_escape(gk_text *html, const char *text);
/* "1,234" for counts and epochs, "3.2e-06", "97.9 %" for readers; "-" for NaN. */
void gk_html_number(gk_text *text, double value);
void gk_html_epoch(gk_text *text, double epoch);

#endif
