/* The configuration of the fault module: any bytes give rules or a line number with a reason, and rules can be asked.
 */
#include <stdlib.h>
#include <string.h>

#include "rules.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    fault_error error;
    fault_rules *rules = hf_fault_parse((const char *)data, len, &error);

    if (!rules && (error.what[0] == '\0' || strlen(error.what) >= sizeof error.what))
        abort();
    if (rules && hf_fault_rules_begin(rules, NULL, 0))
        for (size_t i = 0; i < rules->n; i++) {
            (void)hf_fault_concerns(&rules->rules[i], FAULT_C_Sign, "web");
            (void)hf_fault_strikes(&rules->rules[i], 1000000000);
            if (rules->rules[i].kind == FAULT_LATENCY && hf_fault_sample(&rules->rules[i]) > FAULT_TIME_MAX_NS)
                abort();
        }
    hf_fault_rules_release(rules);
    return 0;
}
