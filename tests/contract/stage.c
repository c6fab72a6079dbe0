/* What the contract test can't do from Rust without unsafe code, each by one execve(2), so that
 * nothing but the asked-for difference reaches the next program.
 *
 *   stage as PROGRAM ARGV0 ARGUMENT…   runs PROGRAM under another argv[0], as a shim is called
 *   stage odd PROGRAM ARGUMENT…        runs PROGRAM with an environment that no shell would make
 */
#include <string.h>
#include <unistd.h>

extern char **environ;

enum { MOST = 1000 };

static int as(char **argv)
{
	return execv(argv[0], argv + 1);
}

static int odd(char **argv)
{
	static char *before[] = {"Z=1", "A="};
	static char *after[] = {"no-equals-sign", "=hidden", "B=\xff\x1b", "Z=2"};
	static char *entries[MOST + 8];
	int count = 0;
	for (int i = 0; i < 2; i++)
		entries[count++] = before[i];
	for (char **entry = environ; *entry && count < MOST; entry++)
		entries[count++] = *entry;
	for (int i = 0; i < 4; i++)
		entries[count++] = after[i];
	return execve(argv[0], argv, entries);
}

int main(int count, char **argv)
{
	if (count > 3 && strcmp(argv[1], "as") == 0)
		as(argv + 2);
	if (count > 2 && strcmp(argv[1], "odd") == 0)
		odd(argv + 2);
	return 125;
}
