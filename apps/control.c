/* The supervisor's messages on their way. See control.h. */
#include "control.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

typedef union ancillary {
    char room[CMSG_SPACE(sizeof(int))];
    struct cmsghdr align;
} ancillary;

bool hf_control_send(int socket, const hf_control *message, int fd)
{
    hf_control copy = *message;
    struct iovec part = {.iov_base = &copy, .iov_len = sizeof copy};
    struct msghdr head = {.msg_iov = &part, .msg_iovlen = 1};
    ancillary with;
    if (fd >= 0) {
        memset(&with, 0, sizeof with);
        head.msg_control = with.room;
        head.msg_controllen = sizeof with.room;
        struct cmsghdr *right = CMSG_FIRSTHDR(&head);
        right->cmsg_level = SOL_SOCKET;
        right->cmsg_type = SCM_RIGHTS;
        right->cmsg_len = CMSG_LEN(sizeof fd);
        memcpy(CMSG_DATA(right), &fd, sizeof fd);
    }
    ssize_t sent;
    do
        sent = sendmsg(socket, &head, MSG_NOSIGNAL | MSG_DONTWAIT);
    while (sent < 0 && errno == EINTR);
    return sent == (ssize_t)sizeof copy;
}

hf_control_result hf_control_receive(int socket, hf_control *out, int *out_fd)
{
    hf_control message;
    struct iovec part = {.iov_base = &message, .iov_len = sizeof message};
    ancillary with;
    struct msghdr head = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = with.room, .msg_controllen = sizeof with.room};
    int fd = -1;
    *out_fd = -1;
    ssize_t got = recvmsg(socket, &head, MSG_CMSG_CLOEXEC);
    if (got < 0)
        return errno == EAGAIN || errno == EINTR ? HF_CONTROL_NOTHING : HF_CONTROL_GONE;
    struct cmsghdr *right = got > 0 ? CMSG_FIRSTHDR(&head) : NULL;
    if (right && right->cmsg_level == SOL_SOCKET && right->cmsg_type == SCM_RIGHTS &&
        right->cmsg_len == CMSG_LEN(sizeof fd))
        memcpy(&fd, CMSG_DATA(right), sizeof fd);
    if (got != (ssize_t)sizeof message) {
        if (fd >= 0)
            close(fd);
        return HF_CONTROL_GONE;
    }
    *out = message;
    *out_fd = fd;
    return HF_CONTROL_GOT;
}
