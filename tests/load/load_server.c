/* The server under test. See load.h. */
#include "load.h"

#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define STOP_SECONDS 60

static void make_certificate(const load_server *s)
{
    char command[512];
    snprintf(command, sizeof command,
             "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj /CN=server "
             "-keyout %s/key.pem -out %s/cert.pem 2>/dev/null",
             s->folder, s->folder);
    if (system(command) != 0)
        load_fail("openssl makes no certificate");
}

static void run(const load_server *s, const char *program, unsigned max_connections, int out)
{
    char cert[128], key[128], max[16];
    snprintf(cert, sizeof cert, "%s/cert.pem", s->folder);
    snprintf(key, sizeof key, "%s/key.pem", s->folder);
    snprintf(max, sizeof max, "%u", max_connections);
    prctl(PR_SET_PDEATHSIG, SIGKILL); /* a load that fails must not leave its server, and its pipe, behind */
    dup2(out, STDOUT_FILENO);
    execl(program, program, "serve", "--echo", "--listen", "127.0.0.1:0", "--cert", cert, "--key", key, "--policy",
          "compatible", "--threads", "2", "--max-connections", max, "--handshake-timeout", "120", (char *)NULL);
    _exit(127);
}

void load_server_start(load_server *s, const char *program, unsigned max_connections)
{
    int out[2];
    char line[128] = "";
    strcpy(s->folder, "/tmp/handfast-load-XXXXXX");
    if (!mkdtemp(s->folder) || pipe(out) != 0)
        load_fail("cannot make a folder or a pipe");
    make_certificate(s);
    s->pid = fork();
    if (s->pid == 0)
        run(s, program, max_connections, out[1]);
    close(out[1]);
    FILE *said = fdopen(out[0], "r");
    if (s->pid < 0 || !said || !fgets(line, sizeof line, said) ||
        sscanf(line, "listening on 127.0.0.1:%u", &s->port) != 1)
        load_fail("%s does not start: %s", program, line);
    fclose(said);
}

unsigned load_server_descriptors(const load_server *s)
{
    char path[64];
    unsigned n = 0;
    snprintf(path, sizeof path, "/proc/%ld/fd", (long)s->pid);
    DIR *dir = opendir(path);
    while (dir && readdir(dir))
        n++;
    if (dir)
        closedir(dir);
    return n;
}

unsigned load_server_memory(const load_server *s)
{
    char path[64], line[128];
    unsigned kib = 0;
    snprintf(path, sizeof path, "/proc/%ld/status", (long)s->pid);
    FILE *f = fopen(path, "r");
    while (f && fgets(line, sizeof line, f) && sscanf(line, "VmRSS: %u kB", &kib) != 1)
        ;
    if (f)
        fclose(f);
    return kib;
}

bool load_server_stop(load_server *s)
{
    int status = 0;
    char path[128];
    kill(s->pid, SIGTERM);
    for (unsigned i = 0; waitpid(s->pid, &status, WNOHANG) == 0; i++) {
        if (i == STOP_SECONDS * 20)
            load_fail("the server does not end");
        nanosleep(&(struct timespec){.tv_nsec = 50000000}, NULL);
    }
    const char *names[] = {"cert.pem", "key.pem"};
    for (int i = 0; i < 2; i++) {
        snprintf(path, sizeof path, "%s/%s", s->folder, names[i]);
        unlink(path);
    }
    rmdir(s->folder);
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}
