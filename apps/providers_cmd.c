/* `handfast providers`: what the CPU can do, which providers there are, what was chosen and why. */
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "cli.h"
#include "commands.h"
#include "handfast/providers.h"

static void print_help(void)
{
    printf("usage: handfast providers [--provider NAME]\n\n"
           "Prints the CPU's features, the providers of this build, and which one was chosen for each algorithm,\n"
           "after its known-answer test, with the reason.\n\n"
           "  --provider NAME   as if this provider were forced for the record ciphers\n"
           "  --help            this text\n");
}

static void print_providers(void)
{
    printf("providers\n");
    for (const hf_provider *const *p = hf_providers(); *p; p++) {
        const char *why = NULL;
        bool available = !(*p)->available || (*p)->available(&why);
        printf("  %-12s %-28s %s%s%s\n", (*p)->name, (*p)->version ? (*p)->version() : "",
               available ? "available" : "not available", !available && why ? ": " : "", !available && why ? why : "");
    }
}

static int print_choices(const char *force)
{
    hf_crypto crypto;
    hf_choice choices[HF_CHOICES_MAX];
    size_t n = 0;
    char why[HF_LINE_MAX] = "";
    hf_status status = hf_crypto_compose(force, &crypto, choices, &n, why, sizeof why);
    if (status != HF_OK) {
        hf_cli_error("%s", why[0] ? why : hf_status_text(status));
        return HF_EXIT_FAILED;
    }
    printf("chosen\n");
    for (size_t i = 0; i < n; i++)
        printf("  %-7s %-24s %-12s %s\n", choices[i].kind, choices[i].algorithm,
               choices[i].provider ? choices[i].provider : "none", choices[i].reason ? choices[i].reason : "");
    return HF_EXIT_DONE;
}

int hf_providers_main(int argc, char **argv)
{
    static const struct option options[] = {
        {"provider", required_argument, NULL, 'p'}, {"help", no_argument, NULL, 'h'}, {NULL, 0, NULL, 0}};
    const char *force = NULL;
    optind = 0;
    opterr = 0;
    for (int opt; (opt = getopt_long(argc, argv, ":", options, NULL)) != -1;) {
        if (opt == 'h') {
            print_help();
            return HF_EXIT_DONE;
        }
        if (opt != 'p')
            return hf_cli_usage("providers", "%s: %s", argv[optind - 1],
                                opt == ':' ? "a value is missing" : "unknown option");
        force = optarg;
    }
    if (optind < argc)
        return hf_cli_usage("providers", "%s: no such argument", argv[optind]);
    printf("cpu\n  %s\n", hf_cpu_features());
    print_providers();
    return print_choices(force);
}
