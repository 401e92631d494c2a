/* What is written down: a trace of calls, counters, and complaints about the configuration. Never a PIN, a key or data.
 * Any thread. */
#ifndef HANDFAST_FAULT_RECORD_H
#define HANDFAST_FAULT_RECORD_H

#include <p11-kit/pkcs11.h>

#include "rules.h"

/* Which faults befell a call: bits, named in the trace. */
typedef enum fault_note {
    FAULT_NOTE_LATENCY = 1 << 0,
    FAULT_NOTE_HANG = 1 << 1,
    FAULT_NOTE_FAIL = 1 << 2,
    FAULT_NOTE_OUTPUT = 1 << 3,
    FAULT_NOTE_SESSIONS = 1 << 4,
    FAULT_NOTE_TOKEN = 1 << 5,
    FAULT_NOTE_PIN = 1 << 6,
    FAULT_NOTE_KEY = 1 << 7,
    FAULT_NOTE_HIDE = 1 << 8,
    FAULT_NOTE_REFUSE = 1 << 9
} fault_note;

typedef struct fault_entry {
    fault_function function;
    CK_SESSION_HANDLE session; /* 0: none */
    CK_RV rv;
    uint64_t ns;
    unsigned notes;
    bool has_mechanism;
    CK_MECHANISM_TYPE mechanism;
} fault_entry;

/* Opens what the rules name; what is open and still named so goes on. */
void hf_fault_record_open(const fault_rules *rules);
void hf_fault_record_close(void);
void hf_fault_record(const fault_entry *entry);
/* Sessions that are open now, and calls that hang now: into the counters. */
void hf_fault_record_sessions(int change);
void hf_fault_record_hanging(int change);
/* One line: on the trace, after "# "; without a trace on stderr, after "libhandfast-fault: ". */
void hf_fault_say(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Around fork, so that the child does not inherit a lock that nobody holds. */
void hf_fault_record_lock(void);
void hf_fault_record_unlock(void);

#endif
