/* One certificate in one line, for whoever reads the log. */
#ifndef HANDFAST_APPS_CERT_LINE_H
#define HANDFAST_APPS_CERT_LINE_H

#include <stddef.h>
#include <stdint.h>
#include <time.h>

/* "CN=www.example.org, serial 0A1B, valid until 2027-01-01T00:00:00Z": subject (RFC 2253), serial number in hex,
 * notAfter. der: the certificate. Always terminated; "a certificate that cannot be read" for one that is none. */
void hf_cert_line(const uint8_t *der, size_t len, char *out, size_t max);

/* Why peers refuse the certificate at that time: "has expired", "is not valid yet"; NULL: its time is good, or it
 * cannot be read. Static storage. */
const char *hf_cert_untimely(const uint8_t *der, size_t len, time_t now);

#endif
