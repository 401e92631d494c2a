/* handfast: one program, several subcommands. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

#include "cli.h"
#include "commands.h"
#include "handfast/handfast.h"
#include "handfast/hsm.h"
#if HF_HAVE_TOKEN_COMMAND
#include "token.h"
#endif

static void print_help(FILE *to)
{
    fprintf(to, "usage: handfast COMMAND [options]\n\n"
                "  serve      TLS server: forwards to a TCP service, serves a folder, or echoes\n"
                "  connect    TLS client: standard input and output, or one HTTP request\n"
#if HF_HAVE_TOKEN_COMMAND
                "  token      prepares and inspects PKCS#11 tokens: init, keygen, selfsign, csr,\n"
                "             import, list, check\n"
#endif
                "  audit      verifies the file that serve --audit writes\n"
                "  providers  CPU features, which cryptography was chosen for what, cipher suites\n"
                "  version    versions of this program and its libraries\n"
                "  help       this text; handfast COMMAND --help tells more\n");
}

static int version_main(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    printf("handfast %s\nlibuv %s\n", hf_version(), uv_version_string());
    return HF_EXIT_DONE;
}

static int help_main(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    print_help(stdout);
    return HF_EXIT_DONE;
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        int (*main)(int argc, char **argv);
    } commands[] = {
        {"serve", hf_serve_main},
        {"connect", hf_connect_main},
        {HF_KEY_PROCESS_COMMAND, hf_key_process_main},
#if HF_HAVE_TOKEN_COMMAND
        {"token", hf_token_main},
#endif
        {"audit", hf_audit_main},
        {"providers", hf_providers_main},
        {"version", version_main},
        {"--version", version_main},
        {"help", help_main},
        {"--help", help_main},
        {"-h", help_main},
    };
    hf_cli_harden();
    if (argc < 2) {
        print_help(stderr);
        return HF_EXIT_USAGE;
    }
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++)
        if (strcmp(commands[i].name, argv[1]) == 0) {
            int result = commands[i].main(argc - 1, argv + 1);
            if (fflush(stdout) != 0 && result == HF_EXIT_DONE) {
                hf_cli_error("standard output could not be written");
                result = HF_EXIT_FAILED;
            }
            if (hf_hsm_threads_running() > 0) { /* one hangs inside of a module: exit handlers would pull it away */
                fflush(stderr);
                _exit(result);
            }
            return result;
        }
    hf_cli_error("%s: no such command; see: handfast help", argv[1]);
    return HF_EXIT_USAGE;
}
