/* What a configuration says: rules, each with its subject, its value and the conditions under which it strikes.
 *
 * parse.c makes them from text (pure); config.c keeps the current set; call.c asks them. A set does not change after it
 * was made; what counts lives in `fault_state`, which outlives a re-read of the file while the rule's line is the same.
 */
#ifndef HANDFAST_FAULT_RULES_H
#define HANDFAST_FAULT_RULES_H

#include <stdatomic.h>

#include "functions.h"

#define FAULT_FILE_MAX 65536 /* bytes of a configuration */
#define FAULT_LINE_MAX 1024  /* bytes of a line */
#define FAULT_RULES_MAX 256
#define FAULT_LIST_MAX 32                  /* mechanisms or attributes in one line */
#define FAULT_TEXT_MAX 256                 /* bytes of a path, a label, with its NUL */
#define FAULT_TIME_MAX_NS 3600000000000ULL /* the longest time that a line may name: an hour */
#define FAULT_ALWAYS ((uint64_t)1 << 32)   /* chance of a rule without a probability */
#define FAULT_SLOT_SHIFT_MAX 1000000       /* how far slot ids may move */
#define FAULT_LABEL_MAX 33                 /* a token's label (32 bytes) with its NUL */
#define FAULT_MASK_WORDS ((FAULT_FUNCTIONS_N + 63) / 64)

typedef enum fault_kind {
    FAULT_LATENCY,
    FAULT_FAIL,
    FAULT_HANG,
    FAULT_OUTPUT,
    FAULT_SESSIONS,
    FAULT_TOKEN,
    FAULT_PIN,
    FAULT_KEY,
    FAULT_HIDE,
    FAULT_REFUSE
} fault_kind;

typedef enum fault_shape { FAULT_FIXED_TIME, FAULT_UNIFORM, FAULT_NORMAL, FAULT_EXPONENTIAL } fault_shape;
typedef enum fault_change { FAULT_SHORT, FAULT_LONG, FAULT_WRONG, FAULT_ZEROS, FAULT_STRIP } fault_change;
typedef enum fault_presence { FAULT_PRESENT, FAULT_ABSENT, FAULT_RESET } fault_presence;
typedef enum fault_pin {
    FAULT_PIN_INCORRECT,
    FAULT_PIN_LOCKED,
    FAULT_PIN_EXPIRED,
    FAULT_PIN_COUNT_LOW,
    FAULT_PIN_FINAL_TRY,
    FAULT_PIN_TRIES,
    FAULT_PIN_PAD
} fault_pin;

/* All that are set must hold. Calls are counted from 1, from when the rule was read, while its time lasts. */
typedef struct fault_when {
    uint64_t nth, first, from, every; /* 0: not asked */
    uint64_t chance;                  /* of 2^32; FAULT_ALWAYS */
    uint64_t after_ns, for_ns;        /* since the rule was read; 0: at once, without end */
} fault_when;

typedef struct fault_state {
    atomic_uint refs;
    uint64_t since_ns; /* CLOCK_MONOTONIC when the rule was read */
    atomic_ullong calls;
    atomic_uint failed; /* wrong PINs in a row */
} fault_state;

typedef struct fault_rule {
    fault_kind kind;
    unsigned line;
    char scope[FAULT_LABEL_MAX]; /* label of the token; empty: any */
    uint64_t functions[FAULT_MASK_WORDS];
    fault_when when;
    fault_state *state; /* NULL until config.c gives it one */
    char *text;         /* the line as it stands, to know it again */

    unsigned long code;         /* FAIL: what is answered */
    fault_shape shape;          /* LATENCY */
    uint64_t low_ns;            /* LATENCY: fixed, low, mean; HANG: how long, UINT64_MAX without end */
    uint64_t high_ns;           /* LATENCY: high, deviation */
    fault_change change;        /* OUTPUT */
    unsigned long amount;       /* OUTPUT: bytes; SESSIONS: how many; PIN: tries */
    bool untold;                /* SESSIONS: C_GetTokenInfo does not tell it */
    fault_presence presence;    /* TOKEN */
    fault_pin pin;              /* PIN */
    char name[FAULT_TEXT_MAX];  /* KEY: the label asked for */
    char other[FAULT_TEXT_MAX]; /* KEY: the label of what is there instead; PIN: the file with the pad's PIN */
    unsigned long mechanisms[FAULT_LIST_MAX], attributes[FAULT_LIST_MAX]; /* HIDE, REFUSE */
    size_t mechanisms_n, attributes_n;
} fault_rule;

typedef struct fault_rules {
    atomic_uint refs;
    char module[FAULT_TEXT_MAX];
    char argument[FAULT_LINE_MAX]; /* pReserved of C_Initialize; empty: the program's own */
    char trace[FAULT_TEXT_MAX];    /* empty: none; "stderr" */
    char counters[FAULT_TEXT_MAX]; /* empty: none */
    char counters_text[FAULT_LINE_MAX];
    unsigned long slot_shift;
    uint64_t seed;
    fault_rule *rules;
    size_t n;
} fault_rules;

typedef struct fault_error {
    unsigned line; /* from 1 */
    char what[200];
} fault_error;

/* Makes rules from text. NULL and `error` (also for want of memory) when a line is wrong. The rules have no states.
 * Pure: no file, no clock. */
fault_rules *hf_fault_parse(const char *text, size_t len, fault_error *error);
/* A set is counted: one reference from the parser. NULL is allowed. The last one lets go of its share of the states. */
void hf_fault_rules_retain(fault_rules *rules);
void hf_fault_rules_release(fault_rules *rules);

/* Gives each rule the state of the rule in `old` (NULL: none) with the same line of text in the same section, or a new
 * one that begins now. False: no memory. */
bool hf_fault_rules_begin(fault_rules *rules, const fault_rules *old, uint64_t now_ns);

/* Whether the rule is for this function, and for the token of this label (NULL: a call that concerns no token). */
bool hf_fault_concerns(const fault_rule *rule, fault_function function, const char *label);
bool hf_fault_in_scope(const fault_rule *rule, const char *label);
/* Whether its time has come and not passed. */
bool hf_fault_in_time(const fault_rule *rule, uint64_t now_ns);
/* Counts one call, and says whether the rule strikes it. */
bool hf_fault_strikes(const fault_rule *rule, uint64_t now_ns);

/* Random numbers are for choosing faults, nothing else: a sequence that a seed repeats. Any thread. */
void hf_fault_seed(uint64_t seed);
uint64_t hf_fault_random(void);
/* One sample of a latency, at most FAULT_TIME_MAX_NS. */
uint64_t hf_fault_sample(const fault_rule *rule);

#endif
