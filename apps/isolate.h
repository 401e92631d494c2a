/* `serve --isolate`: the private keys live in a process of their own (docs/architecture.md, "Isolation").
 *
 *   network process (the one that was started) <--SOCK_SEQPACKET--> key process: module, PIN, keys
 *            └── control socket ── supervisor ── starts key processes, one at a time
 *
 * The supervisor is forked before anything else happens and loads nothing; a key process is the program run anew. So
 * nothing forks after C_Initialize, and a key process that died can be followed by another one. */
#ifndef HANDFAST_APPS_ISOLATE_H
#define HANDFAST_APPS_ISOLATE_H

#include <stdbool.h>
#include <sys/types.h>

#define HF_KEY_PROCESS_FD 3 /* the key process's end of the socket pair */
#define HF_EXIT_PIN 3       /* how a key process ends that must not be started again: its PIN would be tried again */
#define HF_ISOLATE_BACKOFF_MIN_MS                                                                                      \
    100 /* before the next key process, when one lived shorter than ..._LIVED_MS; doubles */
#define HF_ISOLATE_BACKOFF_MAX_MS 10000
#define HF_ISOLATE_LIVED_MS 5000
#define HF_ISOLATE_END_MS 6000 /* how long a key process may take to log out at the end */

/* What the network process may say to the supervisor, one byte each. */
enum { HF_ISOLATE_WORKS = 'R', HF_ISOLATE_ENDS = 'E' };

typedef struct hf_isolate {
    int control; /* to the supervisor; -1: none */
    pid_t supervisor;
} hf_isolate;

/* Forks the supervisor, which starts `handfast key-process` with the arguments of `serve` (argv[1..argc-1]).
 * pid_file (may be NULL) is removed at the end when it is still this process's. Before any thread and any module.
 * False after saying why. */
bool hf_isolate_start(hf_isolate *isolate, int argc, char **argv, const char *pid_file);
/* From here on the end of the key process is no accident. Before its socket is closed. */
void hf_isolate_leave(const hf_isolate *isolate);
/* Ends the supervisor and the key process, and waits for them. */
void hf_isolate_end(hf_isolate *isolate);

#endif
