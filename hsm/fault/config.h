/* The configuration file as it is now: read again by whatever call comes first after it changed. */
#ifndef HANDFAST_FAULT_CONFIG_H
#define HANDFAST_FAULT_CONFIG_H

#include "rules.h"

#define FAULT_CONF_VARIABLE "HANDFAST_FAULT_CONF"

/* Takes the path from the environment: when the module is loaded and when it is initialised. False, and a line on
 * stderr, when there is none. Not while other threads change the environment. */
bool hf_fault_config_path(void);

/* The rules that hold now, retained; NULL when none could ever be read. A file that cannot be read or understood leaves
 * the old ones in force, and is told once. `out_changed`: they are other ones than those of the last call. Any thread.
 */
fault_rules *hf_fault_config_get(bool *out_changed);

/* Forgets everything: the module is about to be unloaded. */
void hf_fault_config_close(void);

void hf_fault_config_lock(void);
void hf_fault_config_unlock(void);

#endif
