/* Stands between gate and its server: between PORT SERVER_PORT COMMAND…
 *
 * Starts the command, passes on what it and the server say over 127.0.0.1, and prints when what
 * happened, one line for each: a letter and CLOCK_MONOTONIC in nanoseconds.
 *
 *   s  the command is started       x  it has ended
 *   q  a question begins            a  a piece of its answer was passed on
 *   g  the same, where the question was for a grant
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

enum { MOST = 32, PIECE = 65536 };

struct pair {
	int client, server;
	/* What the last question was: a letter for its answer, or none while nobody has asked. */
	char answer;
};

static void tell(char what)
{
	struct timespec time;
	clock_gettime(CLOCK_MONOTONIC, &time);
	printf("%c %lld\n", what, time.tv_sec * 1000000000LL + time.tv_nsec);
}

static int fail(const char *what)
{
	perror(what);
	return 1;
}

static int at_port(int port, int is_server)
{
	int one = 1;
	int socket_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	setsockopt(socket_, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
	setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	int failed = is_server ? bind(socket_, (void *)&address, sizeof address) || listen(socket_, 16)
			       : connect(socket_, (void *)&address, sizeof address);
	return failed ? -1 : socket_;
}

/* Passes one piece on; false at the end. */
static int pass(int from, int to, char *piece, ssize_t *length)
{
	*length = recv(from, piece, PIECE, 0);
	for (ssize_t sent = 0; sent < *length;) {
		ssize_t more = send(to, piece + sent, *length - sent, MSG_NOSIGNAL);
		if (more < 0)
			return 0;
		sent += more;
	}
	return *length > 0;
}

static void passed(struct pair *pair, int is_question)
{
	static char piece[PIECE + 1];
	ssize_t length;
	int goes_on = is_question ? pass(pair->client, pair->server, piece, &length)
				  : pass(pair->server, pair->client, piece, &length);
	if (goes_on && is_question) {
		piece[length] = 0;
		if (strncmp(piece, "POST ", 5) == 0 || strncmp(piece, "GET ", 4) == 0) {
			char *end = strchr(piece, '\n');
			char *claim = strstr(piece, "/claim");
			pair->answer = claim && claim < end ? 'g' : 'a';
			tell('q');
		}
	} else if (goes_on) {
		tell(pair->answer);
	} else {
		close(pair->client);
		close(pair->server);
		pair->client = pair->server = -1;
	}
}

int main(int count, char **argv)
{
	if (count < 4)
		return 2;
	int listener = at_port(atoi(argv[1]), 1);
	if (listener < 0)
		return fail("listen");
	posix_spawn_file_actions_t streams;
	posix_spawn_file_actions_init(&streams);
	for (int fd = 0; fd < 3; fd++)
		posix_spawn_file_actions_addopen(&streams, fd, "/dev/null", O_RDWR, 0);
	pid_t child;
	tell('s');
	if (posix_spawn(&child, argv[3], &streams, NULL, argv + 3, environ) != 0)
		return fail("spawn");
	int process = syscall(SYS_pidfd_open, child, 0);
	if (process < 0)
		return fail("pidfd_open");
	struct pair pairs[MOST];
	int known = 0;
	for (;;) {
		struct pollfd polled[2 + 2 * MOST] = {{process, POLLIN, 0}, {listener, POLLIN, 0}};
		for (int i = 0; i < known; i++) {
			polled[2 + 2 * i] = (struct pollfd){pairs[i].client, POLLIN, 0};
			polled[3 + 2 * i] = (struct pollfd){pairs[i].server, POLLIN, 0};
		}
		if (poll(polled, 2 + 2 * known, -1) < 0)
			return fail("poll");
		if (polled[0].revents)
			break;
		for (int i = 0; i < known; i++) {
			if (polled[2 + 2 * i].revents)
				passed(&pairs[i], 1);
			if (pairs[i].server >= 0 && polled[3 + 2 * i].revents)
				passed(&pairs[i], 0);
		}
		if (polled[1].revents && known < MOST) {
			int client = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
			int server = at_port(atoi(argv[2]), 0);
			if (client < 0 || server < 0)
				return fail("accept");
			pairs[known++] = (struct pair){client, server, 'a'};
		}
	}
	int status = 0;
	tell('x');
	if (waitpid(child, &status, 0) != child || status != 0) {
		fprintf(stderr, "%s ended with %x\n", argv[3], status);
		return 1;
	}
	return 0;
}
