/* Files that one process opens for another. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "control.h"
#include "public_files.h"

static void make(char *path, const char *text)
{
    int fd = mkstemp(path);
    cr_assert_geq(fd, 0);
    cr_assert_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
}

static void expect_text(const char *path, const char *text)
{
    char got[64] = "";
    int fd = hf_public_file_open(path);
    cr_assert_geq(fd, 0, "%s", strerror(errno));
    cr_assert_eq(read(fd, got, sizeof got - 1), (ssize_t)strlen(text));
    cr_assert_str_eq(got, text);
    close(fd);
}

/* What the network process does with what comes. The last number; 0: nothing came. */
static uint32_t take_all(int socket)
{
    hf_control message;
    int fd;
    uint32_t number = 0;
    while (hf_control_receive(socket, &message, &fd) == HF_CONTROL_GOT) {
        cr_assert_eq(message.kind, HF_CONTROL_FILE);
        number = message.number;
        hf_public_files_put(message.index, message.number, fd, message.error);
    }
    return number;
}

Test(public_files, are_those_that_were_handed_over)
{
    char cert[] = "/tmp/handfast-a-XXXXXX", trust[] = "/tmp/handfast-b-XXXXXX", other[] = "/tmp/handfast-c-XXXXXX";
    int pair[2];
    make(cert, "a certificate");
    make(trust, "anchors");
    make(other, "what nobody named");
    hf_tls_options options = {
        .certs = {cert, cert}, .n_certs = 2, .n_keys = 2, .trust = trust, .ocsp = {NULL, "/nonexistent/response"}};
    cr_assert_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, pair), 0);

    expect_text(other, "what nobody named");
    hf_public_files_given(&options);
    cr_assert_eq(hf_public_file_open(cert), -1, "a file was opened by its name");
    cr_assert_eq(errno, EACCES);

    cr_assert(hf_public_files_send(pair[1], &options, 1));
    cr_assert_eq(unlink(cert), 0);
    cr_assert_eq(take_all(pair[0]), 1);
    for (int i = 0; i < 3; i++) /* each from its beginning */
        expect_text(cert, "a certificate");
    expect_text(trust, "anchors");
    cr_assert_eq(hf_public_file_open("/nonexistent/response"), -1);
    cr_assert_eq(errno, ENOENT);
    cr_assert_eq(hf_public_file_open(other), -1);
    cr_assert_eq(errno, EACCES);

    cr_assert(hf_public_files_send(pair[1], &options, 2)); /* the certificate is no more */
    cr_assert_eq(take_all(pair[0]), 2);
    hf_public_files_forget(1);
    cr_assert_eq(hf_public_file_open(cert), -1);
    cr_assert_eq(errno, ENOENT);
    expect_text(trust, "anchors");
    hf_public_files_forget(2);
    cr_assert_eq(hf_public_file_open(trust), -1);
    cr_assert_eq(errno, EACCES);
    hf_public_files_put(HF_PUBLIC_FILES_MAX, 3, dup(pair[0]), 0); /* no such file: let go */
    hf_public_files_put(0, 4, -1, 0); /* it was opened, and there was no descriptor left for it here */
    cr_assert_eq(hf_public_file_open(trust), -1);
    cr_assert_eq(errno, EMFILE);

    close(pair[1]);
    hf_control message;
    int fd;
    cr_assert_eq(hf_control_receive(pair[0], &message, &fd), HF_CONTROL_GONE);
    close(pair[0]);
    unlink(trust);
    unlink(other);
}

Test(public_files, nobody_waits_for_who_does_not_read)
{
    char trust[] = "/tmp/handfast-d-XXXXXX";
    int pair[2];
    make(trust, "anchors");
    hf_tls_options options = {.trust = trust};
    cr_assert_eq(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
    bool sent = true;
    for (uint32_t i = 1; sent && i < 100000; i++)
        sent = hf_public_files_send(pair[1], &options, i);
    cr_assert_not(sent);
    close(pair[0]);
    close(pair[1]);
    unlink(trust);
}

Test(control, a_message_of_another_size_is_none)
{
    hf_control message;
    int pair[2], fd;
    cr_assert_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, pair), 0);
    cr_assert_eq(hf_control_receive(pair[0], &message, &fd), HF_CONTROL_NOTHING);
    cr_assert_eq(send(pair[1], "short", 5, 0), 5);
    cr_assert_eq(hf_control_receive(pair[0], &message, &fd), HF_CONTROL_GONE);
    cr_assert_eq(fd, -1);
    close(pair[0]);
    close(pair[1]);
}
