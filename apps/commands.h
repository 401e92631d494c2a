/* The subcommands: argv[0] is the subcommand's name. Each returns HF_EXIT_*. */
#ifndef HANDFAST_APPS_COMMANDS_H
#define HANDFAST_APPS_COMMANDS_H

int hf_serve_main(int argc, char **argv);
/* Started by serve --isolate only. */
#define HF_KEY_PROCESS_COMMAND "key-process"
int hf_key_process_main(int argc, char **argv);
int hf_audit_main(int argc, char **argv);
int hf_connect_main(int argc, char **argv);
int hf_providers_main(int argc, char **argv);

#endif
