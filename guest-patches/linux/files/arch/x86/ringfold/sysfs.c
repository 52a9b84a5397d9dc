// SPDX-License-Identifier: GPL-2.0
/* /sys/hypervisor: what this runs on, what it has counted, and what it said. */
#include <linux/kobject.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/sysfs.h>

#include <asm/ringfold.h>

#include <ringfold/debug.h>

#include "ringfold.h"

/* Queries of the hypercall version. */
enum { QUERY_ABI, QUERY_FEATURES, QUERY_BUILD };

static ssize_t type_show(struct kobject *object, struct kobj_attribute *attribute, char *text)
{
	return sysfs_emit(text, "ringfold\n");
}

static ssize_t abi_show(struct kobject *object, struct kobj_attribute *attribute, char *text)
{
	return sysfs_emit(text, "%llu\n", ringfold_version(QUERY_ABI).value);
}

static ssize_t features_show(struct kobject *object, struct kobj_attribute *attribute, char *text)
{
	return sysfs_emit(text, "%#llx\n", ringfold_version(QUERY_FEATURES).value);
}

static ssize_t build_id_show(struct kobject *object, struct kobj_attribute *attribute, char *text)
{
	/* Bytes, not a number. */
	return sysfs_emit(text, "%016llx\n", be64_to_cpu((__force __be64)ringfold_version(QUERY_BUILD).value));
}

/*
 * One line a counter; hypercalls by number, if there was one. Of the machine where this domain may see them, else of this
 * domain.
 */
static ssize_t counters_show(struct kobject *object, struct kobj_attribute *attribute, char *text)
{
	static const struct {
		const char *name;
		size_t offset;
	} fields[] = {
#define FIELD(field) { #field, offsetof(struct ringfold_counters, field) }
		FIELD(interrupts), FIELD(ipis_sent), FIELD(ipis_received), FIELD(nmis), FIELD(machine_checks),
		FIELD(debug_exceptions), FIELD(upcalls), FIELD(injected_exceptions), FIELD(root_loads), FIELD(root_copies),
		FIELD(guest_flushes), FIELD(safety_flushes), FIELD(safety_flushes_saved), FIELD(vcpu_switches),
		FIELD(page_table_operations), FIELD(free_frames), FIELD(entries), FIELD(events_sent), FIELD(grant_maps),
		FIELD(grant_unmaps), FIELD(grant_copies), FIELD(grant_transfers), FIELD(run_time), FIELD(idle_time),
#undef FIELD
	};
	struct ringfold_counters *counters = kmalloc(sizeof(*counters), GFP_KERNEL);
	unsigned long flags;
	ssize_t length = 0;
	unsigned int index;
	s64 status;

	if (counters == NULL)
		return -ENOMEM;
	local_irq_save(flags);
	status = ringfold_counters_read(RINGFOLD_ANSWER_OFFSET).status;
	if (status == -RINGFOLD_EPERM)
		status = ringfold_domain_counters_read(RINGFOLD_DOMAIN_SELF, RINGFOLD_ANSWER_OFFSET).status;
	*counters = *(const struct ringfold_counters *)ringfold_call_buffer_at(RINGFOLD_ANSWER_OFFSET);
	local_irq_restore(flags);
	if (status != 0) {
		kfree(counters);
		return status;
	}
	for (index = 0; index < ARRAY_SIZE(counters->hypercalls); index++) {
		if (counters->hypercalls[index] != 0)
			length += sysfs_emit_at(text, length, "hypercall_%u %llu\n", index, counters->hypercalls[index]);
	}
	for (index = 0; index < ARRAY_SIZE(fields); index++)
		length += sysfs_emit_at(text, length, "%s %llu\n", fields[index].name,
					*(const u64 *)((const char *)counters + fields[index].offset));
	kfree(counters);
	return length;
}

static struct kobj_attribute type_attribute = __ATTR_RO(type);
static struct kobj_attribute abi_attribute = __ATTR_RO(abi);
static struct kobj_attribute features_attribute = __ATTR_RO(features);
static struct kobj_attribute build_id_attribute = __ATTR_RO(build_id);
static struct kobj_attribute counters_attribute = __ATTR_RO_MODE(counters, 0400);

/* Bytes of the log from `position` on, of which some may be gone: those that are left. Where the next ones are, or an error. */
static s64 read_log(u64 position, char *text, size_t *size)
{
	const struct ringfold_log_part *part;
	struct ringfold_hypercall_result result;
	unsigned long flags;
	s64 next;

	local_irq_save(flags);
	part = ringfold_call_buffer_at(RINGFOLD_ANSWER_OFFSET);
	*size = min_t(size_t, *size, PAGE_SIZE - sizeof(*part));
	result = ringfold_log_read(position, RINGFOLD_ANSWER_OFFSET, *size);
	if (result.status == 0) {
		*size = part->length;
		next = part->next;
		memcpy(text, part + 1, part->length);
	} else {
		next = result.status;
	}
	local_irq_restore(flags);
	return next;
}

/* Offset 0 is the oldest byte that is left when it is read; what is said meanwhile may push some out. */
static ssize_t log_read(struct file *file, struct kobject *object, struct bin_attribute *attribute, char *text, loff_t offset,
			size_t size)
{
	size_t length = size;
	s64 next = read_log(0, text, &length);

	if (next < 0)
		return next;
	if (offset == 0)
		return length;
	length = size;
	next = read_log(next - min_t(u64, next, length) + offset, text, &length);
	return next < 0 ? next : length;
}
static BIN_ATTR(log, 0400, log_read, NULL, 0);

static int __init add_files(void)
{
	static const struct attribute *const attributes[] = {
		&type_attribute.attr, &abi_attribute.attr, &features_attribute.attr, &build_id_attribute.attr,
		&counters_attribute.attr, NULL,
	};

	if (!ringfold_domain)
		return 0;
	return sysfs_create_files(hypervisor_kobj, attributes) ?: sysfs_create_bin_file(hypervisor_kobj, &bin_attr_log);
}
device_initcall(add_files);
