// SPDX-License-Identifier: GPL-2.0
/*
 * QEMU TCG plugin: counts what a guest with one CPU executes between the two
 * marker instructions of ../inside/src/marker.rs, which live in user code.
 *
 * Arguments:
 *   out=FILE      one line for each window, in order:
 *                 "window KERNEL USER EVENT..." in instructions and executions
 *   watch=ADDRESS an instruction whose executions are counted, in hexadecimal;
 *                 as many as there are, EVENTs in the same order
 *   profile=on    after each window, a line "block ADDRESS LENGTH EXECUTIONS"
 *                 for each translation block that was executed in it
 *
 * A block that is left by an exception is counted as a whole.
 */
#include "qemu-plugin.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_WATCHED 16
/* Blocks in a profile: a guest executes about a fifth of it. */
#define MAX_BLOCKS (1u << 19)
#define HASH_SIZE (4 * MAX_BLOCKS)

#define MARKER_LENGTH 8
/* nop dword ptr [rax + rax + 0x55b100NN], NN the last byte */
static const uint8_t marker[MARKER_LENGTH] = { 0x0f, 0x1f, 0x84, 0x00,
					       0x00, 0x00, 0xb1, 0x55 };
enum { MARKER_START = 1, MARKER_END = 2 };

struct block {
	uint64_t address;
	uint64_t length;
};

/* Counters of a CPU, as inline operations add to them. */
struct counts {
	uint64_t kernel;
	uint64_t user;
	uint64_t events[MAX_WATCHED];
	uint64_t blocks[];
};

QEMU_PLUGIN_EXPORT int qemu_plugin_version = QEMU_PLUGIN_VERSION;

static FILE *out;
static struct qemu_plugin_scoreboard *score;
static uint64_t watched[MAX_WATCHED];
static unsigned int watched_count;
static bool profile;
static struct block *blocks;
static unsigned int block_count;
/* Indexes into blocks, plus one; 0 is free. */
static unsigned int *hash;

static qemu_plugin_u64 counter(size_t offset)
{
	return (qemu_plugin_u64){ score, offset };
}

static qemu_plugin_u64 event_counter(unsigned int event)
{
	return counter(offsetof(struct counts, events) + event * sizeof(uint64_t));
}

static qemu_plugin_u64 block_counter(unsigned int block)
{
	return counter(sizeof(struct counts) + block * sizeof(uint64_t));
}

static bool is_kernel(uint64_t address)
{
	return address >> 63;
}

/* The number of a block; all that come when there is no room left are the last. */
static unsigned int block_number(uint64_t address, uint64_t length)
{
	uint64_t mixed = (address ^ length << 48) * 0x9e3779b97f4a7c15u;
	unsigned int place = (mixed >> 32) % HASH_SIZE;

	for (; hash[place]; place = (place + 1) % HASH_SIZE) {
		struct block *block = &blocks[hash[place] - 1];

		if (block->address == address && block->length == length)
			return hash[place] - 1;
	}
	if (block_count == MAX_BLOCKS)
		return MAX_BLOCKS - 1;
	blocks[block_count] = (struct block){ address, length };
	hash[place] = ++block_count;
	return block_count - 1;
}

static void start_window(unsigned int cpu, void *data)
{
	(void)data;
	qemu_plugin_u64_set(counter(offsetof(struct counts, kernel)), cpu, 0);
	qemu_plugin_u64_set(counter(offsetof(struct counts, user)), cpu, 0);
	for (unsigned int event = 0; event < watched_count; event++)
		qemu_plugin_u64_set(event_counter(event), cpu, 0);
	for (unsigned int block = 0; block < block_count; block++)
		qemu_plugin_u64_set(block_counter(block), cpu, 0);
}

static void write_profile(unsigned int cpu)
{
	for (unsigned int number = 0; number < block_count; number++) {
		uint64_t executions = qemu_plugin_u64_get(block_counter(number), cpu);

		if (executions)
			fprintf(out, "block %lx %lu %lu\n", blocks[number].address,
				blocks[number].length, executions);
	}
}

static void end_window(unsigned int cpu, void *data)
{
	(void)data;
	fprintf(out, "window %lu %lu",
		qemu_plugin_u64_get(counter(offsetof(struct counts, kernel)), cpu),
		qemu_plugin_u64_get(counter(offsetof(struct counts, user)), cpu));
	for (unsigned int event = 0; event < watched_count; event++)
		fprintf(out, " %lu", qemu_plugin_u64_get(event_counter(event), cpu));
	fputc('\n', out);
	write_profile(cpu);
	fflush(out);
}

static void find_marker(struct qemu_plugin_insn *insn)
{
	uint8_t bytes[MARKER_LENGTH];
	uint8_t kind;

	if (qemu_plugin_insn_data(insn, bytes, sizeof(bytes)) != sizeof(bytes))
		return;
	kind = bytes[4];
	bytes[4] = 0;
	if (memcmp(bytes, marker, sizeof(bytes)))
		return;
	if (kind == MARKER_START)
		qemu_plugin_register_vcpu_insn_exec_cb(insn, start_window,
						       QEMU_PLUGIN_CB_NO_REGS, NULL);
	else if (kind == MARKER_END)
		qemu_plugin_register_vcpu_insn_exec_cb(insn, end_window,
						       QEMU_PLUGIN_CB_NO_REGS, NULL);
}

static void find_watched(struct qemu_plugin_insn *insn)
{
	uint64_t address = qemu_plugin_insn_vaddr(insn);

	for (unsigned int event = 0; event < watched_count; event++)
		if (watched[event] == address)
			qemu_plugin_register_vcpu_insn_exec_inline_per_vcpu(
				insn, QEMU_PLUGIN_INLINE_ADD_U64,
				event_counter(event), 1);
}

static void translate(qemu_plugin_id_t id, struct qemu_plugin_tb *tb)
{
	size_t count = qemu_plugin_tb_n_insns(tb);
	uint64_t address = qemu_plugin_tb_vaddr(tb);
	bool kernel = is_kernel(address);

	(void)id;
	qemu_plugin_register_vcpu_tb_exec_inline_per_vcpu(
		tb, QEMU_PLUGIN_INLINE_ADD_U64,
		counter(kernel ? offsetof(struct counts, kernel) :
				 offsetof(struct counts, user)),
		count);
	if (profile)
		qemu_plugin_register_vcpu_tb_exec_inline_per_vcpu(
			tb, QEMU_PLUGIN_INLINE_ADD_U64,
			block_counter(block_number(address, count)), 1);
	for (size_t index = 0; index < count; index++) {
		struct qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(tb, index);

		if (kernel)
			find_watched(insn);
		else
			find_marker(insn);
	}
}

static int read_argument(const char *argument)
{
	if (!strncmp(argument, "out=", 4)) {
		out = fopen(argument + 4, "w");
		if (!out)
			perror(argument + 4);
	} else if (!strncmp(argument, "watch=", 6)) {
		if (watched_count == MAX_WATCHED)
			return fprintf(stderr, "count: more than %d to watch\n", MAX_WATCHED);
		watched[watched_count++] = strtoull(argument + 6, NULL, 16);
	} else if (!strcmp(argument, "profile=on")) {
		profile = true;
	} else {
		return fprintf(stderr, "count: what is '%s'?\n", argument);
	}
	return 0;
}

QEMU_PLUGIN_EXPORT int qemu_plugin_install(qemu_plugin_id_t id,
					   const struct qemu_info_t *info, int argc,
					   char **argv)
{
	(void)info;
	for (int index = 0; index < argc; index++)
		if (read_argument(argv[index]))
			return -1;
	if (!out) {
		fputs("count: no out=FILE that can be written\n", stderr);
		return -1;
	}
	if (profile) {
		blocks = calloc(MAX_BLOCKS, sizeof(*blocks));
		hash = calloc(HASH_SIZE, sizeof(*hash));
		if (!blocks || !hash)
			return -1;
	}
	score = qemu_plugin_scoreboard_new(
		sizeof(struct counts) + (profile ? MAX_BLOCKS * sizeof(uint64_t) : 0));
	qemu_plugin_register_vcpu_tb_trans_cb(id, translate);
	return 0;
}
