/* Colours of curves and bars: gnuplot's linetypes 1 to 8, and what a dark page shows instead. Each
 * has a contrast of at least 3:1 to the page and to the bands of the phases (WCAG 2.1, 1.4.11),
 * which tests/lib/report_contrast.py computes from the page itself. The hues are near Okabe's and
 * Ito's, which the colour-blind can tell apart. */
#ifndef GK_COLOURS_H
#define GK_COLOURS_H

enum { GK_COLOURS = 8 };

typedef struct gk_colour {
    int red, green, blue; /* in scripts, and on light pages */
    const char *dark;
} gk_colour;

extern const gk_colour gk_colours[GK_COLOURS];

#endif
