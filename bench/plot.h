/* Plots as SVG inside of HTML: lines over a logarithmic axis, and horizontal bars. Colours come from the page's style
 * sheet by class (html_style.c), so that one plot serves light and dark; every series is labelled where it is, and
 * every point tells its value under the pointer. */
#ifndef HF_BENCH_PLOT_H
#define HF_BENCH_PLOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#define HF_PLOT_LINES_MAX 16
#define HF_PLOT_POINTS_MAX 32
#define HF_PLOT_BARS_MAX 96
#define HF_PLOT_LABEL_MAX 96

/* Text with &, <, > and quotes escaped, for content and attributes. */
void hf_plot_escape(FILE *out, const char *text);
/* Three significant digits; thousands apart. value >= 0. */
void hf_plot_number(FILE *out, double value);

typedef struct hf_plot_line {
    char name[HF_PLOT_LABEL_MAX];
    const char *style; /* class */
    size_t n;
    double x[HF_PLOT_POINTS_MAX], y[HF_PLOT_POINTS_MAX]; /* x ascending and above 0, y at least 0 */
} hf_plot_line;

typedef struct hf_plot {
    char title[HF_PLOT_LABEL_MAX];
    const char *x_name, *y_name; /* with units */
    bool x_is_bytes;             /* ticks as 4 KiB and the like */
    double limit;                /* a horizontal line that nobody can pass; 0: none */
    char limit_name[HF_PLOT_LABEL_MAX];
    hf_plot_line lines[HF_PLOT_LINES_MAX];
    size_t lines_n;
} hf_plot;

/* The point is dropped when there is no room or y is no finite number. The line of that name is begun when needed. */
void hf_plot_add(hf_plot *plot, const char *name, const char *style, double x, double y);
/* Nothing when no line has a point. */
void hf_plot_write(const hf_plot *plot, FILE *out);

typedef struct hf_bar {
    char label[HF_PLOT_LABEL_MAX];
    char group[HF_PLOT_LABEL_MAX]; /* a heading stands where it changes; "" for none */
    char note[HF_PLOT_LABEL_MAX];  /* after the value */
    const char *style;
    double value;
} hf_bar;

typedef struct hf_bars {
    char title[HF_PLOT_LABEL_MAX];
    const char *x_name;
    const char *unit; /* after each value, such as "x" or " %" */
    double reference; /* a vertical line; 0: none */
    char reference_name[HF_PLOT_LABEL_MAX];
    hf_bar bars[HF_PLOT_BARS_MAX];
    size_t bars_n;
} hf_bars;

/* The next bar, zeroed, with these; NULL when there is no room or the value is no finite number at least 0. */
hf_bar *hf_bars_add(hf_bars *bars, const char *group, const char *label, const char *style, double value);
void hf_bars_write(const hf_bars *bars, FILE *out);

/* A round step so that 0..max has about n of them. */
double hf_plot_step(double max, unsigned n);

#endif
