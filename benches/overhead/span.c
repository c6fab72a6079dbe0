/* The tool, without a C library, for x86-64 Linux: its first act is to read the clock, and its last
 * but for keeping what it read. Writes CLOCK_MONOTONIC twice, 16 bytes of seconds and nanoseconds
 * each, to argv[1].
 */
enum { SYS_WRITE = 1, SYS_OPEN = 2, SYS_EXIT = 60, SYS_CLOCK_GETTIME = 228 };
/* CLOCK_MONOTONIC; O_WRONLY | O_CREAT | O_TRUNC. */
enum { MONOTONIC = 1, FRESH = 01 | 0100 | 01000 };

static inline long call(long number, long a, long b, long c)
{
	long result;
	__asm__ volatile("syscall"
			 : "=a"(result)
			 : "a"(number), "D"(a), "S"(b), "d"(c)
			 : "rcx", "r11", "memory");
	return result;
}

__attribute__((noreturn, used)) void begin(long *stack)
{
	long times[4] = {0, 0, 0, 0};
	call(SYS_CLOCK_GETTIME, MONOTONIC, (long)times, 0);
	long file = stack[0] > 1 ? call(SYS_OPEN, stack[2], FRESH, 0600) : -1;
	call(SYS_CLOCK_GETTIME, MONOTONIC, (long)(times + 2), 0);
	long written = file < 0 ? 0 : call(SYS_WRITE, file, (long)times, sizeof times);
	call(SYS_EXIT, written == sizeof times ? 0 : 1, 0, 0);
	__builtin_unreachable();
}

__attribute__((naked, noreturn)) void _start(void)
{
	__asm__("mov %rsp, %rdi\n\tand $-16, %rsp\n\tcall begin");
}
