/* Replaces a few fixed phrases of gnuplot's SVG in one pass. */
#include "report/page/svg.h"
#include "report/page/colours.h"
#include "report/page/words.h"

#include <stdio.h>
#include <string.h>

/* What `from` begins with, and what stands there instead; "%" is the id. */
static const struct {
    const char *from, *to;
} phrases[] = {
    {" color=\"black\"", ""},            /* it would be what currentColor means */
    {" font-family=\"sans-serif\"", ""}, /* the page's */
    {" id=\"gnuplot_canvas\"", ""},
    {" id=\"gnuplot_plot_", " id=\"%-plot-"},
    {" id='", " id='%-"},
    {"href='#", "href='#%-"},
    {"url(#", "url(#%-"},
};

static const char unnamed[] = "<title>gnuplot_plot_", title_end[] = "</title>";

enum { PHRASES = sizeof phrases / sizeof *phrases };

static void replace(gk_text *out, const char *to, const char *id)
{
    size_t before = strcspn(to, "%");

    gk_text_append(out, to, before);
    if (to[before]) gk_text_add(out, "%s%s", id, to + before + 1);
}

/* The phrase that begins here, -1: none. */
static int phrase_at(const char *at)
{
    for (int i = 0; i < PHRASES; i++)
        if (!strncmp(at, phrases[i].from, strlen(phrases[i].from))) return i;
    return -1;
}

/* Behind the first `what` of svg; the beginning where there is none. */
static const char *behind(const char *svg, const char *what)
{
    const char *at = strstr(svg, what);

    return at ? at + strlen(what) : svg;
}

/* A colour of ours, as "rgb(  0, 114, 178)"; 0: none begins here, else its length. */
static size_t colour_at(gk_text *out, const char *at)
{
    int red, green, blue, length = 0;

    if (strncmp(at, "rgb(", 4) != 0 ||
        sscanf(at, "rgb(%d,%d,%d)%n", &red, &green, &blue, &length) != 3 || !length)
        return 0;
    if (red == 1 && green == 2 && blue == 3) {
        gk_text_add(out, "currentColor");
        return (size_t)length;
    }
    for (int i = 0; i < GK_COLOURS; i++) {
        const gk_colour *c = &gk_colours[i];
        if (c->red != red || c->green != green || c->blue != blue) continue;
        gk_text_add(out, "var(--s%d)", i + 1);
        return (size_t)length;
    }
    return 0;
}

static void start(gk_text *out, const char *svg, const char *id, const char *title,
                  const char *seen)
{
    const char *box = strstr(svg, "viewBox=\"");
    int length = box ? (int)(strcspn(box + 9, "\"") + 10) : 0;

    gk_text_add(out, "<svg %.*s role=\"img\" aria-labelledby=\"%s-title\"", length, box ? box : "",
                id);
    if (*seen) gk_text_add(out, " aria-describedby=\"%s-seen\"", id);
    gk_text_add(out, ">\n<title id=\"%s-title\">", id);
    gk_html_escape(out, title);
    gk_text_add(out, "</title>");
    if (!*seen) return;
    gk_text_add(out, "<desc id=\"%s-seen\">", id);
    gk_html_escape(out, seen);
    gk_text_add(out, "</desc>");
}

void gk_svg_inline(gk_text *out, const char *svg, const char *id, const char *title,
                   const char *seen)
{
    const char *at = behind(behind(svg, "<svg"), "</desc>");
    size_t colour;

    start(out, svg, id, title, seen);
    while (*at) {
        if (!strncmp(at, unnamed, strlen(unnamed))) {
            at = behind(at, title_end);
            continue;
        }
        if ((colour = colour_at(out, at))) {
            at += colour;
            continue;
        }
        int i = phrase_at(at);
        size_t n = i < 0 ? 1 + strcspn(at + 1, "<r hu") : strlen(phrases[i].from);
        if (i >= 0)
            replace(out, phrases[i].to, id);
        else
            gk_text_append(out, at, n);
        at += n;
    }
}
