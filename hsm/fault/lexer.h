/* A line of the configuration as words: blanks separate, "..." keeps them, = and , stand alone outside of parentheses,
 * # begins a comment where a word could begin. Pure. */
#ifndef HANDFAST_FAULT_LEXER_H
#define HANDFAST_FAULT_LEXER_H

#include "rules.h"

#define FAULT_WORDS_MAX 128 /* of a line */

typedef struct fault_line {
    char store[2 * FAULT_LINE_MAX + 2]; /* the words, each with its NUL */
    const char *words[FAULT_WORDS_MAX];
    bool mark[FAULT_WORDS_MAX]; /* = or , without quotes */
    size_t n, at;
} fault_line;

/* False and a reason in `what` when the line is no sequence of words. `text` needs no NUL. */
bool hf_fault_lex(fault_line *line, const char *text, size_t len, char *what, size_t what_max);

/* The next word, or NULL at the end or at a mark. */
const char *hf_fault_word(fault_line *line);
/* Takes this mark ('=' or ',') if it is next. */
bool hf_fault_mark(fault_line *line, char mark);
/* Takes this word if it is next. */
bool hf_fault_take(fault_line *line, const char *word);
bool hf_fault_at_end(const fault_line *line);

/* "5ms", "1.5s", "200us", "2min", "10ns": a time in nanoseconds, at most FAULT_TIME_MAX_NS. */
bool hf_fault_duration(const char *text, uint64_t *out_ns);
/* A decimal number from low to high. */
bool hf_fault_number(const char *text, uint64_t low, uint64_t high, uint64_t *out);
/* "0.01" or "1%", of 2^32; more than 0, at most 1. */
bool hf_fault_chance(const char *text, uint64_t *out);

#endif
