/* The page around figures and tables. */
#include "report/page/html.h"
#include "report/page/colours.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { REASONS = sizeof((gk_page *)0)->reason / sizeof(gk_text) };

static const char style[] =
    ":root{color-scheme:light dark;--ink:#1b1f24;--soft:#5b6570;--back:#fff;--card:#f7f8fa;"
    "--line:#d8dde3;--link:#0061a8}\n"
    "@media screen and "
    "(prefers-color-scheme:dark){:root{--ink:#e4e7eb;--soft:#9aa5b1;--back:#14171b;"
    "--card:#1b1f25;--line:#343b44;--link:#6db9f2}}\n"
    "*{box-sizing:border-box}\n"
    "body{margin:0 auto;max-width:1240px;padding:1rem;background:var(--back);color:var(--ink);"
    "font:16px/1.5 system-ui,sans-serif;overflow-wrap:anywhere}\n"
    "h1{font-size:1.6rem;line-height:1.2;margin:1.2rem 0 .6rem}\n"
    "h2{font-size:1.2rem;margin:2.2rem 0 .6rem;padding-top:.4rem;border-top:1px solid "
    "var(--line)}\n"
    "a{color:var(--link)}p{max-width:48rem;margin:.5rem 0}\n"
    "nav ul{display:flex;flex-wrap:wrap;gap:.1rem 1.1rem;padding:0;margin:.5rem 0;list-style:none;"
    "font-size:.9rem}nav .part{flex-basis:100%;font-weight:600}\n"
    "code,pre{font:.85em/1.45 ui-monospace,monospace}\n"
    "pre{background:var(--card);border:1px solid var(--line);border-radius:6px;padding:.7rem;"
    "overflow-x:auto;overflow-wrap:normal}\n"
    ".figures{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,430px),1fr));"
    "gap:1rem;margin:1rem 0}\n"
    "figure{margin:0;padding:.8rem;background:var(--card);border:1px solid var(--line);"
    "border-radius:8px;min-width:0;break-inside:avoid}\n"
    "figure.wide{grid-column:1/-1}\n"
    "figure svg{display:block;width:100%;height:auto;font-family:system-ui,sans-serif}\n"
    "figure image{image-rendering:pixelated}\n"
    "figure.exact .plot{overflow-x:auto}figure.exact svg{width:var(--w)}\n"
    "figure h3{margin:0 0 .3rem;font-size:1rem}\n"
    "figcaption{margin-top:.4rem;font-size:.86rem;line-height:1.4;color:var(--soft)}\n"
    ".note{color:var(--soft);font-size:.9rem;border-left:3px solid "
    "var(--line);padding-left:.7rem}\n"
    ".warn{border-left:3px solid #d55e00;padding-left:.7rem}\n"
    ".scroll{overflow-x:auto;margin:.8rem 0}\n"
    "table{border-collapse:collapse;font-size:.88rem;overflow-wrap:normal}\n"
    "caption{text-align:left;font-weight:600;padding:.2rem 0}\n"
    "th,td{padding:.2rem .7rem .2rem 0;border-bottom:1px solid var(--line);text-align:left;"
    "vertical-align:top}\n"
    "td.n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}\n"
    ".left td.n{text-align:left}\n"
    "dl.facts{display:grid;grid-template-columns:minmax(7rem,max-content) 1fr;gap:.35rem 1.2rem;"
    "margin:.8rem 0;max-width:62rem}dl.facts dt{font-weight:600}dl.facts dd{margin:0}\n"
    "@media(max-width:600px){body{padding:.6rem;font-size:15px}dl.facts{display:block}"
    "dl.facts dd{margin:0 0 .6rem}figure{padding:.5rem}"
    "td:last-child:not(.n){min-width:13rem}}\n"
    "@media print{:root{color-scheme:light;--ink:#000;--soft:#333;--back:#fff;--card:#fff;"
    "--line:#bbb;--link:#000}@page{margin:12mm}\n"
    "body{max-width:none;padding:0;font-size:8.5pt;line-height:1.3}nav{display:none}"
    "h1,h2,h3,caption,summary{break-after:avoid}h1{font-size:14pt}"
    "h2{margin:.8rem 0 .3rem;font-size:11pt}"
    ".figures{grid-template-columns:1fr 1fr;gap:.4rem;margin:.4rem 0}figure{padding:.3rem}"
    "figure h3{font-size:9pt;margin:0}figcaption{font-size:7pt;line-height:1.2;margin:0}"
    "figure svg,figure.exact svg{width:100%;max-height:8.5cm}"
    "table{font-size:7.5pt;line-height:1.2}th,td{padding:.08rem .5rem .08rem "
    "0}tr{break-inside:avoid}"
    "pre{columns:2;font-size:6.5pt;line-height:1.2;padding:.3rem;white-space:pre-wrap}"
    "details::details-content{display:block;content-visibility:visible}summary{list-style:none}"
    "p{margin:.2rem 0}dl.facts{margin:.3rem 0}a{text-decoration:none}}\n";

/* --s1 to --s8: the colours of curves. */
static void add_colours(gk_text *html)
{
    gk_text_add(html, ":root{");
    for (int i = 0; i < GK_COLOURS; i++)
        gk_text_add(html, "--s%d:#%02x%02x%02x;", i + 1, gk_colours[i].red, gk_colours[i].green,
                    gk_colours[i].blue);
    gk_text_add(html, "}\n@media screen and (prefers-color-scheme:dark){:root{");
    for (int i = 0; i < GK_COLOURS; i++) gk_text_add(html, "--s%d:%s;", i + 1, gk_colours[i].dark);
    gk_text_add(html, "}}\n");
}

void gk_page_open(gk_page *p, const char *title, gk_drawing *drawing)
{
    *p = (gk_page){.drawing = drawing};
    snprintf(p->title, sizeof p->title, "%s", title);
}

void gk_page_discard(gk_page *p)
{
    for (int i = 0; i < p->reasons; i++) {
        gk_text_free(&p->left_out[i]);
        gk_text_free(&p->reason[i]);
    }
    p->reasons = 0;
    gk_text_free(&p->contents);
    gk_text_free(&p->body);
}

static void end_figures(gk_page *p)
{
    if (p->in_figures) gk_text_add(&p->body, "</div>\n");
    p->in_figures = false;
}

static void end_section(gk_page *p)
{
    end_figures(p);
    for (int i = 0; i < p->reasons; i++) {
        gk_text_add(&p->body, "<p class=\"note\">Not here: ");
        gk_html_escape(&p->body, p->left_out[i].data);
        gk_text_add(&p->body, ". Why: ");
        gk_html_escape(&p->body, p->reason[i].data);
        gk_text_add(&p->body, ".</p>\n");
        gk_text_free(&p->left_out[i]);
        gk_text_free(&p->reason[i]);
    }
    p->reasons = 0;
}

gk_status gk_page_save(gk_page *p, const char *path)
{
    gk_text html = {0};

    end_section(p);
    gk_text_add(&html, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
                       "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n"
                       "<link rel=\"icon\" href=\"data:,\">\n");
    if (p->refresh)
        gk_text_add(&html, "<meta http-equiv=\"refresh\" content=\"%d\">\n", p->refresh);
    gk_text_add(&html, "<title>");
    gk_html_escape(&html, p->title);
    gk_text_add(&html, "</title>\n<style>\n%s", style);
    add_colours(&html);
    gk_text_add(&html, "</style>\n</head>\n<body>\n");
    gk_text_add(&html, "<nav aria-label=\"Contents\"><ul>\n%s</ul></nav>\n<main>\n",
                p->contents.data ? p->contents.data : "");
    if (p->drawing && *p->drawing->trouble) {
        gk_text_add(&html, "<p class=\"warn\">The figures are not drawn: ");
        gk_html_escape(&html, p->drawing->trouble);
        gk_text_add(&html, ". Their numbers stand here as tables.</p>\n");
    }
    gk_text_append(&html, p->body.data, p->body.length);
    gk_text_add(&html, "</main>\n</body>\n</html>\n");
    gk_status status = gk_file_replace(path, html.data, html.length);
    gk_text_free(&html);
    gk_page_discard(p);
    return status;
}

/* ---- text */

static void add_contents(gk_page *p, const char *kind, const char *id, const char *title)
{
    gk_text_add(&p->contents, "<li%s><a href=\"#%s%s\">", kind, p->prefix, id);
    gk_html_escape(&p->contents, title);
    gk_text_add(&p->contents, "</a>\n");
}

void gk_page_part(gk_page *p, const char *prefix, const char *title)
{
    end_section(p);
    snprintf(p->prefix, sizeof p->prefix, "%s", prefix);
    add_contents(p, " class=\"part\"", "at-top", title);
    gk_text_add(&p->body, "<h1 id=\"%sat-top\">", p->prefix);
    gk_html_escape(&p->body, title);
    gk_text_add(&p->body, "</h1>\n");
}

/* Its id begins with "at-": figures have ids of their own. */
void gk_page_section(gk_page *p, const char *id, const char *title)
{
    char at[64];

    end_section(p);
    snprintf(at, sizeof at, "at-%s", id);
    add_contents(p, "", at, title);
    gk_text_add(&p->body, "<h2 id=\"%s%s\">", p->prefix, at);
    gk_html_escape(&p->body, title);
    gk_text_add(&p->body, "</h2>\n");
}

/* printf into a string that the caller frees. */
static char *print(const char *format, va_list args)
{
    char *text;

    GK_CHECK(vasprintf(&text, format, args) >= 0);
    return text;
}

void gk_page_paragraph(gk_page *p, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    char *text = print(format, args);
    va_end(args);
    end_figures(p);
    gk_text_add(&p->body, "<p>");
    gk_html_escape(&p->body, text);
    gk_text_add(&p->body, "</p>\n");
    free(text);
}

void gk_page_html(gk_page *p, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    char *text = print(format, args);
    va_end(args);
    end_figures(p);
    gk_text_append(&p->body, text, strlen(text));
    free(text);
}

/* ---- figures */

/* Noted for the end of the section: figures with one reason share a line. */
static void leave_out(gk_page *p, const char *title, const char *why)
{
    int i = 0;

    while (i < p->reasons && strcmp(p->reason[i].data, why) != 0) i++;
    if (i == REASONS) i--;
    if (i == p->reasons) {
        gk_text_add(&p->reason[i], "%s", why);
        p->reasons++;
    }
    gk_text_add(&p->left_out[i], "%s%s", p->left_out[i].length ? "; " : "", title);
}

static gk_status draw_into(gk_page *p, const gk_figure *f)
{
    char name[96];
    gk_text svg = {0};

    snprintf(name, sizeof name, "%s%s", p->prefix, f->name);
    gk_status status = gk_drawing_svg(&svg, p->drawing, f, name);
    if (status == GK_OK) {
        if (!p->in_figures) gk_text_add(&p->body, "<div class=\"figures\">\n");
        p->in_figures = true;
        gk_text_add(&p->body, "<figure id=\"%s\"", name);
        if (f->wide) gk_text_add(&p->body, " class=\"wide\"");
        if (f->exact) gk_text_add(&p->body, " class=\"exact\" style=\"--w:%dpx\"", f->width);
        gk_text_add(&p->body, ">\n<h3>");
        gk_html_escape(&p->body, f->title);
        gk_text_add(&p->body, "</h3>\n");
        if (svg.length) {
            gk_text_add(&p->body, f->exact ? "<div class=\"plot\" tabindex=\"0\" role=\"group\" "
                                             "aria-label=\"drawing, wider than a small screen\">"
                                           : "<div>");
            gk_text_append(&p->body, svg.data, svg.length);
            gk_text_add(&p->body, "</div>");
        } else
            gk_text_add(&p->body, "<div class=\"scroll\">%s</div>", f->table.data);
        gk_text_add(&p->body, "\n<figcaption>");
        gk_html_escape(&p->body, f->caption.data ? f->caption.data : "");
        gk_text_add(&p->body, "</figcaption>\n</figure>\n");
    }
    gk_text_free(&svg);
    return status;
}

gk_status gk_page_figure(gk_page *p, gk_figure *f)
{
    gk_status status = GK_OK;

    if (f->missing.length)
        leave_out(p, f->title, f->missing.data);
    else
        status = draw_into(p, f);
    if (status == GK_EDATA) {
        leave_out(p, f->title, gk_message());
        status = GK_OK;
    }
    gk_figure_close(f);
    return status;
}

/* ---- tables */

void gk_page_table(gk_page *p, const char *caption, int columns)
{
    end_figures(p);
    p->columns = columns;
    p->cells = 0;
    gk_text_add(&p->body, "<div class=\"scroll\"><table>");
    if (*caption) {
        gk_text_add(&p->body, "<caption>");
        gk_html_escape(&p->body, caption);
        gk_text_add(&p->body, "</caption>");
    }
}

void gk_page_cell(gk_page *p, const char *format, ...)
{
    bool head = p->cells < p->columns;
    va_list args;

    va_start(args, format);
    char *text = print(format, args);
    va_end(args);
    bool number = *text && strspn(text, "-+0123456789") && strlen(text) < 24 &&
                  strspn(text, "-+.,:?to0123456789e% ") == strlen(text);
    bool first = p->cells % p->columns == 0;
    if (first) gk_text_add(&p->body, "\n<tr>");
    gk_text_add(&p->body, head                    ? "<th scope=\"col\">"
                          : p->row_heads && first ? "<th scope=\"row\">"
                          : number                ? "<td class=\"n\">"
                                                  : "<td>");
    gk_html_escape(&p->body, text);
    p->cells++;
    free(text);
}

void gk_page_table_end(gk_page *p)
{
    gk_text_add(&p->body, "\n</table></div>\n");
    p->row_heads = false;
}
