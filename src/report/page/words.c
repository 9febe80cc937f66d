/* Text and numbers as they stand in HTML and SVG. */
#include "report/page/words.h"

#include <math.h>
#include <stdio.h>

void gk_html_escape(gk_text *html, const char *text)
{
    for (; *text; text++) switch (*text) {
        case '<': gk_text_add(html, "&lt;"); break;
        case '>': gk_text_add(html, "&gt;"); break;
        case '&': gk_text_add(html, "&amp;"); break;
        case '"': gk_text_add(html, "&quot;"); break;
        default: gk_text_append(html, text, 1);
        }
}

void gk_html_number(gk_text *text, double value)
{
    if (!isfinite(value))
        gk_text_add(text, "-");
    else if (fabs(value) < 1e15 && floor(value) == value)
        gk_html_epoch(text, value);
    else
        gk_text_add(text, "%.3g", value);
}

void gk_html_epoch(gk_text *text, double epoch)
{
    char digits[32];

    if (!isfinite(epoch)) {
        gk_text_add(text, "-");
        return;
    }
    int n = snprintf(digits, sizeof digits, "%.0f", fabs(epoch));
    if (epoch < 0) gk_text_add(text, "-");
    for (int i = 0; i < n; i++)
        gk_text_add(text, "%s%c", i && (n - i) % 3 == 0 ? "," : "", digits[i]);
}
