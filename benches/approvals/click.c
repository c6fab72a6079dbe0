/* One call over HTTP with a clock at both ends: click PORT FILE
 *
 * Connects to that port of 127.0.0.1, sends FILE, which is a whole request, and prints the
 * nanoseconds of CLOCK_MONOTONIC just before the first byte was sent and just after the first byte
 * of the answer came. An answer other than 200 is printed, and a failure.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static long long now(void)
{
	struct timespec time;
	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * 1000000000LL + time.tv_nsec;
}

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

int main(int count, char **argv)
{
	static char request[65536], answer[65536];
	if (count != 3)
		return 2;
	int file = open(argv[2], O_RDONLY);
	ssize_t length = file < 0 ? -1 : read(file, request, sizeof request);
	if (length <= 0)
		fail(argv[2]);
	struct sockaddr_in server = {.sin_family = AF_INET,
				     .sin_port = htons(atoi(argv[1])),
				     .sin_addr = {htonl(INADDR_LOOPBACK)}};
	int connection = socket(AF_INET, SOCK_STREAM, 0);
	if (connection < 0 || connect(connection, (struct sockaddr *)&server, sizeof server) != 0)
		fail("connect");
	long long sent = now();
	if (write(connection, request, length) != length)
		fail("write");
	ssize_t got = read(connection, answer, sizeof answer - 1);
	long long answered = now();
	if (got <= 0)
		fail("read");
	if (strncmp(answer, "HTTP/1.1 200 ", 13) != 0) {
		fprintf(stderr, "%s\n", answer);
		return 1;
	}
	printf("%lld %lld\n", sent, answered);
	return 0;
}
