// SPDX-License-Identifier: GPL-2.0
/* /dev/ringfold-trace, the rings of the hypervisor's trace: include/uapi/linux/ringfold_trace.h says what it does. */
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/vmalloc.h>

#include <asm/ringfold.h>

#include <ringfold/trace.h>
#include <uapi/linux/ringfold.h>
#include <uapi/linux/ringfold_trace.h>

#include "ringfold.h"

struct open_trace {
	struct mutex lock; /* who starts and stops */
	bool runs;
	void *rings; /* set once, when the trace has begun */
};

/* --- start and stop --- */

static long count_rings(u32 *cpus)
{
	struct ringfold_trace_status *status = ringfold_take_request_pages();
	struct ringfold_hypercall_result result;

	if (status == NULL)
		return -ERESTARTSYS;
	result = ringfold_trace_status_read(RINGFOLD_REQUEST_OFFSET);
	*cpus = status->cpus;
	ringfold_give_request_pages();
	return result.status;
}

static long start_hypercall(const struct ringfold_trace_start *start)
{
	struct ringfold_hypercall_result result;

	do {
		result = ringfold_trace_start(start->classes, RINGFOLD_REQUEST_OFFSET, start->frames);
		cond_resched();
	} while (result.status == -RINGFOLD_EAGAIN && !fatal_signal_pending(current));
	return result.status;
}

/* The frames of the rings, by the call buffer. */
static long name_rings(void *rings, const struct ringfold_trace_start *start)
{
	u64 *frames = ringfold_take_request_pages();
	unsigned int page;
	long error;

	if (frames == NULL)
		return -ERESTARTSYS;
	for (page = 0; page < start->cpus * start->frames; page++)
		frames[page] = ringfold_physical_to_machine(vmalloc_to_pfn(rings + page * PAGE_SIZE));
	error = start_hypercall(start);
	ringfold_give_request_pages();
	return error;
}

static long start_locked(struct open_trace *trace, const struct ringfold_trace_start *start)
{
	void *rings;
	long error;

	if (trace->rings != NULL)
		return -EEXIST;
	rings = vmalloc_user((size_t)start->cpus * start->frames * PAGE_SIZE);
	if (rings == NULL)
		return -ENOMEM;
	error = name_rings(rings, start);
	if (error != 0) {
		vfree(rings);
		return error;
	}
	trace->runs = true;
	/* Pairs with the acquire of the mapping, which takes no lock: a copy to the user may wait for it. */
	smp_store_release(&trace->rings, rings);
	return 0;
}

static long start_ioctl(struct open_trace *trace, struct ringfold_trace_start __user *argument)
{
	struct ringfold_trace_start start;
	long error;

	if (copy_from_user(&start, argument, sizeof(start)) != 0)
		return -EFAULT;
	if (start.reserved != 0)
		return -EINVAL;
	if (start.frames == 0 || start.frames > RINGFOLD_TRACE_FRAMES_MAX)
		return -ERANGE;
	error = count_rings(&start.cpus);
	if (error != 0)
		return error;
	if ((u64)start.cpus * start.frames * sizeof(u64) > RINGFOLD_REQUEST_DATA_MAX)
		return -E2BIG;
	/* Before it begins: no trace runs of which the program does not know. */
	if (put_user(start.cpus, &argument->cpus) != 0)
		return -EFAULT;
	if (mutex_lock_interruptible(&trace->lock) != 0)
		return -ERESTARTSYS;
	error = start_locked(trace, &start);
	mutex_unlock(&trace->lock);
	return error;
}

static long stop_locked(struct open_trace *trace)
{
	struct ringfold_hypercall_result result;

	if (!trace->runs)
		return -ENOENT;
	result = ringfold_trace_stop();
	if (result.status == 0)
		trace->runs = false;
	return result.status;
}

static long stop_ioctl(struct open_trace *trace)
{
	long error;

	if (mutex_lock_interruptible(&trace->lock) != 0)
		return -ERESTARTSYS;
	error = stop_locked(trace);
	mutex_unlock(&trace->lock);
	return error;
}

/* --- the file --- */

static int trace_mmap(struct file *file, struct vm_area_struct *area)
{
	struct open_trace *trace = file->private_data;
	void *rings = smp_load_acquire(&trace->rings); /* who sees them finds them complete */

	if (rings == NULL)
		return -ENODATA;
	if (area->vm_flags & VM_WRITE)
		return -EPERM;
	area->vm_flags &= ~VM_MAYWRITE;
	/* The mapping holds the file, and with it the rings. */
	return remap_vmalloc_range(area, rings, area->vm_pgoff);
}

static long trace_ioctl(struct file *file, unsigned int command, unsigned long argument)
{
	switch (command) {
	case RINGFOLD_TRACE_START:
		return start_ioctl(file->private_data, (void __user *)argument);
	case RINGFOLD_TRACE_STOP:
		return stop_ioctl(file->private_data);
	default:
		return -ENOTTY;
	}
}

static int trace_open(struct inode *inode, struct file *file)
{
	struct open_trace *trace = kzalloc(sizeof(*trace), GFP_KERNEL);

	if (trace == NULL)
		return -ENOMEM;
	mutex_init(&trace->lock);
	file->private_data = trace;
	return nonseekable_open(inode, file);
}

static int trace_release(struct inode *inode, struct file *file)
{
	struct open_trace *trace = file->private_data;
	long error = stop_locked(trace);

	/* What the hypervisor may still write to is not given back. */
	if (error != 0 && error != -ENOENT)
		pr_err("ringfold: the trace does not end (%ld), its memory stays with it\n", error);
	else
		vfree(trace->rings);
	kfree(trace);
	return 0;
}

static const struct file_operations operations = {
	.owner = THIS_MODULE,
	.open = trace_open,
	.release = trace_release,
	.mmap = trace_mmap,
	.unlocked_ioctl = trace_ioctl,
	.llseek = no_llseek,
};

static struct miscdevice device = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "ringfold-trace",
	.fops = &operations,
	.mode = 0600,
};

static int __init add_device(void)
{
	return ringfold_domain ? misc_register(&device) : 0;
}
device_initcall(add_device);
