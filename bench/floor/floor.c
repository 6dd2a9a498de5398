// The least that a fan-out can cost without batches: every message to every socket with one send(2).
//
// Whoever connects says with one byte what it is: S listens, P publishes. A publisher sends messages as four bytes of length,
// least significant first, and so many bytes; each goes to all who listen, as it is.
//
// usage: floor PORT
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MAX_FD = 1 << 16, MAX_MESSAGE = 8 << 20 };

static int listeners[MAX_FD], count; // file descriptors of those who listen
static char role[MAX_FD];
static unsigned char buffer[MAX_MESSAGE];
static size_t have; // bytes of the one publisher's messages

static void die(const char *what) {
	perror(what);
	exit(1);
}

static void send_all(int fd, const unsigned char *b, size_t n) {
	while (n > 0) {
		ssize_t sent = send(fd, b, n, MSG_NOSIGNAL);
		if (sent < 0 && errno == EINTR)
			continue;
		if (sent < 0)
			return; // it is gone; its descriptor says so soon
		b += sent;
		n -= (size_t)sent;
	}
}

static void forget(int fd) {
	for (int i = 0; i < count; i++)
		if (listeners[i] == fd)
			listeners[i--] = listeners[--count];
	if (role[fd] == 'P')
		have = 0;
	role[fd] = 0;
	close(fd);
}

static void publish(int fd) {
	ssize_t n = read(fd, buffer + have, sizeof buffer - have);
	if (n <= 0) {
		if (n < 0 && errno == EINTR)
			return;
		forget(fd);
		return;
	}
	have += (size_t)n;
	size_t at = 0;
	for (;;) {
		uint32_t length;
		if (have - at < sizeof length)
			break;
		memcpy(&length, buffer + at, sizeof length);
		if (length > sizeof buffer - sizeof length) {
			fprintf(stderr, "a message of %u bytes is too long\n", length);
			exit(1);
		}
		if (have - at - sizeof length < length)
			break;
		for (int i = 0; i < count; i++)
			send_all(listeners[i], buffer + at + sizeof length, length);
		at += sizeof length + length;
	}
	memmove(buffer, buffer + at, have - at);
	have -= at;
}

static void greet(int fd) {
	char r;
	if (read(fd, &r, 1) != 1 || (r != 'S' && r != 'P')) {
		forget(fd);
		return;
	}
	role[fd] = r;
	if (r == 'S') {
		listeners[count++] = fd;
		send_all(fd, (const unsigned char *)"\x8a\x00", 2); // an empty pong: it is heard from now on
	}
}

int main(int argc, char **argv) {
	struct rlimit files;
	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
	int door = socket(AF_INET, SOCK_STREAM, 0), one = 1, poll = epoll_create1(0);
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	address.sin_port = htons((uint16_t)(argc > 1 ? atoi(argv[1]) : 9000));
	setsockopt(door, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
	if (bind(door, (struct sockaddr *)&address, sizeof address) < 0)
		die("bind");
	if (listen(door, 4096) < 0)
		die("listen");
	struct epoll_event event = {.events = EPOLLIN, .data.fd = door}, events[256];
	epoll_ctl(poll, EPOLL_CTL_ADD, door, &event);
	for (;;) {
		int n = epoll_wait(poll, events, 256, -1);
		for (int i = 0; i < n; i++) {
			int fd = events[i].data.fd;
			if (fd == door) {
				fd = accept(door, NULL, NULL);
				if (fd < 0 || fd >= MAX_FD)
					continue;
				setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
				event.events = EPOLLIN;
				event.data.fd = fd;
				epoll_ctl(poll, EPOLL_CTL_ADD, fd, &event);
			} else if (role[fd] == 'P') {
				publish(fd);
			} else if (role[fd] == 0) {
				greet(fd);
			} else {
				forget(fd); // who listens has nothing to say
			}
		}
	}
}
