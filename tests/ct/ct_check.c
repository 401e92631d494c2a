/* The constant-time suite: ct_check CASE, to be run under valgrind (see CMakeLists.txt). */
#include "ct.h"

#include <string.h>

static volatile int sink;

/* Two programs that leak: the suite must report them, or it proves nothing. */
static void leak_branch(void)
{
    uint8_t key[16] = {1, 2, 3};
    ct_secret(key, sizeof key);
    if (key[3] & 1)
        sink = 1;
}

static void leak_index(void)
{
    static const uint8_t table[256] = {1, 2, 3};
    uint8_t key[16] = {1, 2, 3};
    ct_secret(key, sizeof key);
    sink = table[key[5]];
}

static const struct {
    const char *name;
    void (*run)(void);
} cases[] = {
    {"aead", ct_aead},           {"cbc", ct_cbc},           {"hash", ct_hash},     {"kernels", ct_kernels},
    {"premaster", ct_premaster}, {"protocol", ct_protocol}, {"x25519", ct_x25519}, {"leak_branch", leak_branch},
    {"leak_index", leak_index},
#ifdef CT_SHANI
    {"shani", ct_shani},
#endif
};

int main(int argc, char **argv)
{
    if (RUNNING_ON_VALGRIND == 0) {
        fprintf(stderr, "ct_check: run me under valgrind, which watches the secrets\n");
        return 2;
    }
    for (size_t i = 0; argc == 2 && i < sizeof cases / sizeof cases[0]; i++) {
        if (strcmp(cases[i].name, argv[1]) == 0) {
            cases[i].run();
            return 0;
        }
    }
    fprintf(stderr, "ct_check: one case, please\n");
    return 2;
}
