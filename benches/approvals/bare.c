/* The least that could start a tool when told to: bare DURABLE COMMAND …
 *
 * A child blocks on a pipe, and starts the command by posix_spawn(3) when a byte comes. Prints the
 * nanoseconds of CLOCK_MONOTONIC just before that byte was written. Where DURABLE is not empty, it
 * is a file to which 4,096 bytes are appended durably first, after the clock was read.
 */
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

static int wait_and_start(int told, char **command)
{
	char byte;
	pid_t tool;
	int status = 0;
	if (read(told, &byte, 1) != 1)
		fail("read");
	if (posix_spawn(&tool, command[0], NULL, NULL, command, environ) != 0 ||
	    waitpid(tool, &status, 0) != tool)
		fail("posix_spawn");
	return status != 0;
}

int main(int count, char **argv)
{
	static char block[4096];
	int ends[2], status = 0, file = -1;
	struct timespec time;
	struct timespec until_it_blocks = {0, 20 * 1000 * 1000};
	if (count < 3)
		return 2;
	if (argv[1][0] != '\0' &&
	    (file = open(argv[1], O_WRONLY | O_CREAT | O_APPEND, 0600)) < 0)
		fail(argv[1]);
	if (pipe(ends) != 0)
		fail("pipe");
	pid_t child = fork();
	if (child < 0)
		fail("fork");
	if (child == 0)
		return wait_and_start(ends[0], argv + 2);
	nanosleep(&until_it_blocks, NULL);
	clock_gettime(CLOCK_MONOTONIC, &time);
	if (file >= 0 && (write(file, block, sizeof block) != sizeof block || fdatasync(file) != 0))
		fail(argv[1]);
	if (write(ends[1], "", 1) != 1 || waitpid(child, &status, 0) != child || status != 0)
		fail("the tool");
	printf("%lld\n", time.tv_sec * 1000000000LL + time.tv_nsec);
	return 0;
}
