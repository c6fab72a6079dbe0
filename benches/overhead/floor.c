/* The least that a program can cost, without a C library, for x86-64 Linux.
 *
 *   -DTARGET  ends at once with 0: what is run
 *   -DEXEC    becomes argv[1]: the least that lets a command through
 *   -DWAIT    starts argv[1], waits, and ends with its code: the least that stays beside one
 */
enum { SYS_VFORK = 58, SYS_EXECVE = 59, SYS_EXIT = 60, SYS_WAIT4 = 61 };

static inline long call(long number, long a, long b, long c, long d)
{
	register long fourth __asm__("r10") = d;
	long result;
	__asm__ volatile("syscall"
			 : "=a"(result)
			 : "a"(number), "D"(a), "S"(b), "d"(c), "r"(fourth)
			 : "rcx", "r11", "memory");
	return result;
}

#ifdef WAIT
/* The child of vfork(2) shares this stack, so it must leave nothing on it: both system calls
 * stand in one piece of assembly. */
static inline long start(char **argv, char **environment)
{
	long result = SYS_VFORK;
	__asm__ volatile("syscall\n\t"
			 "test %%rax, %%rax\n\t"
			 "jnz 1f\n\t"
			 "mov %[path], %%rdi\n\t"
			 "mov %[argv], %%rsi\n\t"
			 "mov %[env], %%rdx\n\t"
			 "mov $59, %%eax\n\t"
			 "syscall\n\t"
			 "mov $127, %%edi\n\t"
			 "mov $60, %%eax\n\t"
			 "syscall\n"
			 "1:"
			 : "+a"(result)
			 : [path] "r"(argv[0]), [argv] "r"(argv), [env] "r"(environment)
			 : "rcx", "r11", "rdi", "rsi", "rdx", "memory");
	return result;
}
#endif

__attribute__((noreturn, used)) void begin(long *stack)
{
	long code = 0;
#ifndef TARGET
	long count = stack[0];
	char **argv = (char **)(stack + 1);
	char **environment = argv + count + 1;
	if (count < 2)
		call(SYS_EXIT, 2, 0, 0, 0);
#endif
#ifdef EXEC
	call(SYS_EXECVE, (long)argv[1], (long)(argv + 1), (long)environment, 0);
	code = 127;
#endif
#ifdef WAIT
	int status = 0;
	call(SYS_WAIT4, start(argv + 1, environment), (long)&status, 0, 0);
	code = status >> 8 & 0xff;
#endif
	call(SYS_EXIT, code, 0, 0, 0);
	__builtin_unreachable();
}

__attribute__((naked, noreturn)) void _start(void)
{
	__asm__("mov %rsp, %rdi\n\tand $-16, %rsp\n\tcall begin");
}
