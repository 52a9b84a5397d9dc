// SPDX-License-Identifier: GPL-2.0
/*
 * Port I/O faults in ring 1; what the instruction wanted is asked of the hypervisor. A port that the domain may not use
 * answers as where there is no device: all ones, and writes go nowhere.
 */
#include <linux/ptrace.h>

#include <asm/insn.h>
#include <asm/ringfold.h>

#include "ringfold.h"

struct access {
	bool is_write;
	bool is_string;
	bool is_repeated;
	unsigned int bytes;
	unsigned int port;
	unsigned int length; /* of the instruction */
};

/* Opcodes of IN, OUT, INS and OUTS: Intel SDM volume 2. */
static bool decode(const struct pt_regs *regs, struct access *access)
{
	const u8 *code = (const u8 *)regs->ip;
	bool is_word = false;
	u8 opcode;

	*access = (struct access){};
	for (; *code == 0x66 || *code == 0xf3; code++) {
		is_word |= *code == 0x66;
		access->is_repeated |= *code == 0xf3;
	}
	opcode = *code++;
	access->port = (u16)regs->dx;
	switch (opcode & ~1) {
	case 0x6c: /* INS */
	case 0x6e: /* OUTS */
		access->is_string = true;
		break;
	case 0xe4: /* IN from the port that a byte names */
	case 0xe6: /* OUT */
		access->port = *code++;
		break;
	case 0xec: /* IN from the port in DX */
	case 0xee: /* OUT */
		break;
	default:
		return false;
	}
	access->is_write = opcode & 2;
	access->bytes = (opcode & 1) == 0 ? 1 : is_word ? 2 : 4;
	access->length = (unsigned long)code - regs->ip;
	return true;
}

static u32 read_port(const struct access *access)
{
	struct ringfold_hypercall_result result = { .status = -RINGFOLD_EPERM };

	if (ringfold_control_domain)
		result = ringfold_port_read(access->port, access->bytes);
	return result.status == 0 ? result.value : ~0U;
}

static void write_port(const struct access *access, u32 value)
{
	if (ringfold_control_domain)
		(void)ringfold_port_write(access->port, access->bytes, value);
}

static void transfer(const struct access *access, struct pt_regs *regs)
{
	u32 value;

	if (access->is_write) {
		write_port(access, regs->ax);
		return;
	}
	value = read_port(access);
	/* A 32-bit result clears the upper half of the register. */
	regs->ax = access->bytes == 4 ? 0 : regs->ax;
	memcpy(&regs->ax, &value, access->bytes);
}

/* The kernel's own memory, always upwards. */
static void transfer_string(const struct access *access, struct pt_regs *regs)
{
	unsigned long count = access->is_repeated ? regs->cx : 1;
	unsigned long *pointer = access->is_write ? &regs->si : &regs->di;

	for (; count > 0; count--, *pointer += access->bytes) {
		u32 value = 0;

		if (access->is_write) {
			memcpy(&value, (const void *)*pointer, access->bytes);
			write_port(access, value);
		} else {
			value = read_port(access);
			memcpy((void *)*pointer, &value, access->bytes);
		}
	}
	if (access->is_repeated)
		regs->cx = 0;
}

bool ringfold_access_port(struct pt_regs *regs)
{
	struct access access;

	if (!ringfold_domain || user_mode(regs) || !decode(regs, &access))
		return false;
	if (access.is_string)
		transfer_string(&access, regs);
	else
		transfer(&access, regs);
	regs->ip += access.length;
	return true;
}
