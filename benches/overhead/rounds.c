/* Times commands against each other: rounds ROUNDS // COMMAND … // COMMAND …
 *
 * One after the other in each round, so that what disturbs the machine disturbs all alike. A time
 * is from just before posix_spawn(3) (CLONE_VFORK) to the end of waitpid(2); all three streams are
 * /dev/null, but the input of a command that begins with <FILE is that file. Prints one line a round:
 * nanoseconds for each command. The first rounds, a tenth of them, are not printed.
 */
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

extern char **environ;

enum { MOST = 16 };

static long long now(void)
{
	struct timespec time;
	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * 1000000000LL + time.tv_nsec;
}

int main(int count, char **argv)
{
	char **commands[MOST];
	int known = 0;
	int rounds = count > 1 ? atoi(argv[1]) : 0;
	for (int i = 2; i < count && known < MOST; i++)
		if (strcmp(argv[i], "//") == 0) {
			argv[i] = NULL;
			commands[known++] = argv + i + 1;
		}
	posix_spawn_file_actions_t streams[MOST];
	for (int i = 0; i < known; i++) {
		const char *input = "/dev/null";
		if (commands[i][0] && commands[i][0][0] == '<')
			input = *commands[i]++ + 1;
		posix_spawn_file_actions_init(&streams[i]);
		posix_spawn_file_actions_addopen(&streams[i], 0, input, O_RDONLY, 0);
		for (int fd = 1; fd < 3; fd++)
			posix_spawn_file_actions_addopen(&streams[i], fd, "/dev/null", O_RDWR, 0);
	}
	for (int round = -rounds / 10; round < rounds; round++) {
		for (int i = 0; i < known; i++) {
			int status = 0;
			pid_t child;
			long long before = now();
			if (posix_spawn(&child, commands[i][0], &streams[i], NULL, commands[i], environ) != 0 ||
			    waitpid(child, &status, 0) != child || status != 0) {
				fprintf(stderr, "%s ended with %x\n", commands[i][0], status);
				return 1;
			}
			long long spent = now() - before;
			if (round >= 0)
				printf("%lld ", spent);
		}
		if (round >= 0)
			printf("\n");
	}
	return 0;
}
