/* Lines about peers: a peer can cause them at will, so there are only so many in a second. */
#ifndef HANDFAST_APPS_LOG_H
#define HANDFAST_APPS_LOG_H

#define HF_LOG_LINES_PER_SECOND 20

/* One line on stderr unless this second had its lines already; the next line after that tells how many were left
 * out. Everything but printable ASCII is replaced. Any thread. */
void hf_log_limited(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Tells what was left out in a second that is over; called from time to time and at the end. */
void hf_log_flush(void);

#endif
