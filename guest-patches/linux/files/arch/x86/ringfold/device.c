// SPDX-License-Identifier: GPL-2.0
/* /dev/ringfold, for the programs that manage domains: include/uapi/linux/ringfold.h says what it does. */
#include <linux/fs.h>
#include <linux/interrupt.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/poll.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/wait.h>

#include <asm/ringfold.h>

#include <uapi/linux/ringfold.h>

#include "ringfold.h"

#define FIRST_REQUEST_PAGE (RINGFOLD_REQUEST_OFFSET / PAGE_SIZE)
#define REQUEST_PAGES (RINGFOLD_REQUEST_DATA_MAX / PAGE_SIZE)
/* Behind the data of requests: the elements of a copy, and the frames that it is about. */
#define ELEMENTS_PAGE REQUEST_PAGES

/* The same frames for all CPUs, one request at a time: whoever issues one may be on any of them. */
static char request_pages[REQUEST_PAGES + 1][PAGE_SIZE] __page_aligned_bss;
static DEFINE_MUTEX(request_lock);

void ringfold_register_request_pages(void)
{
	unsigned int page;

	for (page = 0; page < ARRAY_SIZE(request_pages); page++)
		(void)ringfold_call_buffer_set(FIRST_REQUEST_PAGE + page, ringfold_machine_frame(request_pages[page]));
}

void *ringfold_take_request_pages(void)
{
	if (mutex_lock_interruptible(&request_lock) != 0)
		return NULL;
	/* What the hypervisor does not write is not what somebody else has left. */
	memset(request_pages, 0, sizeof(request_pages));
	return request_pages;
}

void ringfold_give_request_pages(void)
{
	mutex_unlock(&request_lock);
}

/* --- requests --- */

/* What programs may issue: nothing that changes this kernel under itself. */
static bool may_request(u32 number)
{
	switch (number) {
	case RINGFOLD_HYPERCALL_VERSION:
	case RINGFOLD_HYPERCALL_COUNTERS_READ:
	case RINGFOLD_HYPERCALL_CPU_COUNTERS_READ:
	case RINGFOLD_HYPERCALL_DEBUG_AUDIT:
	case RINGFOLD_HYPERCALL_DEBUG_KEY:
	case RINGFOLD_HYPERCALL_DOMAIN_COUNTERS_READ:
	case RINGFOLD_HYPERCALL_DOMAIN_CREATE:
	case RINGFOLD_HYPERCALL_DOMAIN_DESTROY:
	case RINGFOLD_HYPERCALL_DOMAIN_SHUTDOWN:
	case RINGFOLD_HYPERCALL_DOMAIN_POPULATE:
	case RINGFOLD_HYPERCALL_DOMAIN_CLAIM:
	case RINGFOLD_HYPERCALL_DOMAIN_COPY:
	case RINGFOLD_HYPERCALL_DOMAIN_FRAME_TYPES:
	case RINGFOLD_HYPERCALL_DOMAIN_START:
	case RINGFOLD_HYPERCALL_DOMAIN_MAXIMUM_SET:
	case RINGFOLD_HYPERCALL_DOMAIN_DESCRIBE:
	case RINGFOLD_HYPERCALL_DOMAIN_LIST:
	case RINGFOLD_HYPERCALL_DOMAIN_DEBUG_SET:
	case RINGFOLD_HYPERCALL_DOMAIN_PAUSE:
	case RINGFOLD_HYPERCALL_DOMAIN_UNPAUSE:
	case RINGFOLD_HYPERCALL_DOMAIN_CONSOLE_READ:
	case RINGFOLD_HYPERCALL_DOMAIN_CONSOLE_WRITE:
	case RINGFOLD_HYPERCALL_DOMAIN_SCHEDULE_GET:
	case RINGFOLD_HYPERCALL_DOMAIN_SCHEDULE_SET:
	case RINGFOLD_HYPERCALL_EVENT_LIMITS_READ:
	case RINGFOLD_HYPERCALL_EVENT_LIMIT_SET:
	case RINGFOLD_HYPERCALL_LOG_READ:
	case RINGFOLD_HYPERCALL_MACHINE_MEMORY_READ:
	case RINGFOLD_HYPERCALL_VCPU_CONTEXT_GET:
	case RINGFOLD_HYPERCALL_VCPU_CONTEXT_SET:
	case RINGFOLD_HYPERCALL_VCPU_SCHEDULE_GET:
	case RINGFOLD_HYPERCALL_VCPU_SCHEDULE_SET:
	case RINGFOLD_HYPERCALL_POOL_DESCRIBE:
	case RINGFOLD_HYPERCALL_POOL_CPU_MOVE:
	case RINGFOLD_HYPERCALL_POOL_MODE_SET:
	case RINGFOLD_HYPERCALL_TRACE_STATUS_READ:
	case RINGFOLD_HYPERCALL_WALL_CLOCK_GET:
	case RINGFOLD_HYPERCALL_WALL_CLOCK_SET:
		return true;
	default:
		return false;
	}
}

static struct ringfold_hypercall_result issue(const struct ringfold_request *request)
{
	u64 arguments[ARRAY_SIZE(request->arguments)];
	unsigned int index;

	for (index = 0; index < ARRAY_SIZE(arguments); index++)
		arguments[index] = request->arguments[index] + (request->offsets & BIT(index) ? RINGFOLD_REQUEST_OFFSET : 0);
	return ringfold_hypercall(request->number, arguments[0], arguments[1], arguments[2], arguments[3], arguments[4],
				  arguments[5]);
}

/* An offset that would lead elsewhere in the call buffer. The hypervisor checks lengths; they may reach the elements' page. */
static bool offsets_fit(const struct ringfold_request *request)
{
	unsigned int index;

	for (index = 0; index < ARRAY_SIZE(request->arguments); index++) {
		if ((request->offsets & BIT(index)) && request->arguments[index] > request->data_size)
			return false;
	}
	return (request->offsets >> ARRAY_SIZE(request->arguments)) == 0;
}

static long do_request(struct ringfold_request *request)
{
	void __user *data = u64_to_user_ptr(request->data);
	struct ringfold_hypercall_result result;
	long error = 0;

	if (!may_request(request->number))
		return -EPERM;
	if (request->data_size > RINGFOLD_REQUEST_DATA_MAX || request->reserved != 0 || !offsets_fit(request))
		return -EINVAL;
	if (ringfold_take_request_pages() == NULL)
		return -ERESTARTSYS;
	if (copy_from_user(request_pages, data, request->data_size) != 0)
		error = -EFAULT;
	if (error == 0) {
		result = issue(request);
		request->status = result.status;
		request->value = result.value;
		if (copy_to_user(data, request_pages, request->data_size) != 0)
			error = -EFAULT;
	}
	ringfold_give_request_pages();
	return error;
}

static long request_ioctl(struct ringfold_request __user *argument)
{
	struct ringfold_request request;
	long error;

	if (copy_from_user(&request, argument, sizeof(request)) != 0)
		return -EFAULT;
	error = do_request(&request);
	if (error == 0 && copy_to_user(argument, &request, sizeof(request)) != 0)
		return -EFAULT;
	return error;
}

/* --- copies --- */

static long copy_hypercall(const struct ringfold_copy *copy, unsigned int count)
{
	unsigned int done = 0;

	while (done < count) {
		struct ringfold_hypercall_result result = ringfold_domain_copy(
			copy->domain, copy->direction,
			RINGFOLD_REQUEST_OFFSET + ELEMENTS_PAGE * PAGE_SIZE + done * sizeof(struct ringfold_domain_copy_element),
			count - done);

		done += result.value;
		if (result.status != 0 && result.status != -RINGFOLD_EAGAIN)
			return result.status;
	}
	return 0;
}

/* As many pages as the call buffer holds. */
static long copy_part(const struct ringfold_copy *copy, unsigned int count)
{
	struct ringfold_domain_copy_element *elements = (void *)request_pages[ELEMENTS_PAGE];
	const u64 __user *frames = (const u64 __user *)u64_to_user_ptr(copy->frames) + copy->done;
	char __user *data = (char __user *)u64_to_user_ptr(copy->data) + copy->done * PAGE_SIZE;
	unsigned int index;
	long error;

	for (index = 0; index < count; index++) {
		elements[index] = (struct ringfold_domain_copy_element){
			.buffer_offset = RINGFOLD_REQUEST_OFFSET + index * PAGE_SIZE,
			.length = PAGE_SIZE,
		};
		if (get_user(elements[index].frame, &frames[index]) != 0)
			return -EFAULT;
	}
	if (copy->direction == RINGFOLD_DOMAIN_COPY_IN && copy_from_user(request_pages, data, count * PAGE_SIZE) != 0)
		return -EFAULT;
	error = copy_hypercall(copy, count);
	if (error == 0 && copy->direction == RINGFOLD_DOMAIN_COPY_OUT && copy_to_user(data, request_pages, count * PAGE_SIZE) != 0)
		return -EFAULT;
	return error;
}

static long copy_ioctl(struct ringfold_copy __user *argument)
{
	struct ringfold_copy copy;
	long error = 0;

	if (copy_from_user(&copy, argument, sizeof(copy)) != 0)
		return -EFAULT;
	for (copy.done = 0; error == 0 && copy.done < copy.count;) {
		unsigned int count = min_t(u64, copy.count - copy.done, REQUEST_PAGES);

		if (mutex_lock_interruptible(&request_lock) != 0) {
			error = -EINTR;
			break;
		}
		error = copy_part(&copy, count);
		mutex_unlock(&request_lock);
		if (error == 0)
			copy.done += count;
		cond_resched();
	}
	return put_user(copy.done, &argument->done) ?: error;
}

/* --- virtual interrupts --- */

struct open_device {
	wait_queue_head_t waiting;
	unsigned long raised; /* bits by number */
	struct mutex lock;    /* of the rest */
	unsigned int irqs[RINGFOLD_VIRTUAL_IRQS]; /* 0: not bound */
	struct bound {
		struct open_device *device;
		unsigned int number;
	} bound[RINGFOLD_VIRTUAL_IRQS];
};

static irqreturn_t note_raised(int irq, void *data)
{
	const struct bound *bound = data;

	set_bit(bound->number, &bound->device->raised);
	wake_up_interruptible(&bound->device->waiting);
	return IRQ_HANDLED;
}

static long bind_locked(struct open_device *device, unsigned int number)
{
	int irq;
	int error;

	if (device->irqs[number] != 0)
		return -EEXIST;
	irq = ringfold_bind_virtual_irq(number, 0);
	if (irq < 0)
		return irq;
	device->bound[number] = (struct bound){ .device = device, .number = number };
	error = request_irq(irq, note_raised, IRQF_PERCPU | IRQF_NOBALANCING, "ringfold-device", &device->bound[number]);
	if (error != 0) {
		ringfold_unbind_irq(irq);
		return error;
	}
	device->irqs[number] = irq;
	return 0;
}

static long bind_ioctl(struct open_device *device, unsigned long number)
{
	long error;

	/* Those of a vCPU are the kernel's, and so is its console. */
	if (number < RINGFOLD_VIRTUAL_IRQ_CONTROL || number >= RINGFOLD_VIRTUAL_IRQS)
		return -EINVAL;
	if (mutex_lock_interruptible(&device->lock) != 0)
		return -ERESTARTSYS;
	error = bind_locked(device, number);
	mutex_unlock(&device->lock);
	return error;
}

static ssize_t ringfold_read(struct file *file, char __user *text, size_t size, loff_t *position)
{
	struct open_device *device = file->private_data;
	size_t done = 0;
	u32 number;

	if (size < sizeof(number))
		return -EINVAL;
	if (READ_ONCE(device->raised) == 0) {
		if (file->f_flags & O_NONBLOCK)
			return -EAGAIN;
		if (wait_event_interruptible(device->waiting, READ_ONCE(device->raised) != 0) != 0)
			return -ERESTARTSYS;
	}
	for (number = 0; number < RINGFOLD_VIRTUAL_IRQS && done + sizeof(number) <= size; number++) {
		if (!test_and_clear_bit(number, &device->raised))
			continue;
		if (copy_to_user(text + done, &number, sizeof(number)) != 0) {
			set_bit(number, &device->raised);
			return -EFAULT;
		}
		done += sizeof(number);
	}
	return done;
}

static __poll_t ringfold_poll(struct file *file, poll_table *table)
{
	struct open_device *device = file->private_data;

	poll_wait(file, &device->waiting, table);
	return READ_ONCE(device->raised) != 0 ? EPOLLIN | EPOLLRDNORM : 0;
}

/* --- the file --- */

static long ringfold_ioctl(struct file *file, unsigned int command, unsigned long argument)
{
	switch (command) {
	case RINGFOLD_REQUEST:
		return request_ioctl((void __user *)argument);
	case RINGFOLD_COPY:
		return copy_ioctl((void __user *)argument);
	case RINGFOLD_BIND_VIRTUAL_IRQ:
		return bind_ioctl(file->private_data, argument);
	default:
		return -ENOTTY;
	}
}

static int ringfold_open(struct inode *inode, struct file *file)
{
	struct open_device *device = kzalloc(sizeof(*device), GFP_KERNEL);

	if (device == NULL)
		return -ENOMEM;
	init_waitqueue_head(&device->waiting);
	mutex_init(&device->lock);
	file->private_data = device;
	return nonseekable_open(inode, file);
}

static int ringfold_release(struct inode *inode, struct file *file)
{
	struct open_device *device = file->private_data;
	unsigned int number;

	for (number = 0; number < RINGFOLD_VIRTUAL_IRQS; number++) {
		if (device->irqs[number] == 0)
			continue;
		free_irq(device->irqs[number], &device->bound[number]);
		ringfold_unbind_irq(device->irqs[number]);
	}
	kfree(device);
	return 0;
}

static const struct file_operations operations = {
	.owner = THIS_MODULE,
	.open = ringfold_open,
	.release = ringfold_release,
	.read = ringfold_read,
	.poll = ringfold_poll,
	.unlocked_ioctl = ringfold_ioctl,
	.llseek = no_llseek,
};

static struct miscdevice device = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "ringfold",
	.fops = &operations,
	.mode = 0600,
};

static int __init add_device(void)
{
	BUILD_BUG_ON((REQUEST_PAGES * sizeof(struct ringfold_domain_copy_element)) > PAGE_SIZE);
	BUILD_BUG_ON(FIRST_REQUEST_PAGE + ARRAY_SIZE(request_pages) > RINGFOLD_CALL_BUFFER_PAGES);
	return ringfold_domain ? misc_register(&device) : 0;
}
device_initcall(add_device);
