// SPDX-License-Identifier: GPL-2.0
/* /dev/ringfold-backend: uapi/linux/ringfold_backend.h says what it does. */
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/uaccess.h>

#include <asm/ringfold.h>

#include "backend.h"

static long open_ioctl(struct ringfold_backend_domain __user *argument)
{
	struct ringfold_backend_domain request;
	long error;

	if (copy_from_user(&request, argument, sizeof(request)) != 0)
		return -EFAULT;
	if (request.reserved != 0)
		return -EINVAL;
	error = backend_open_domain(&request);
	if (error == 0 && copy_to_user(argument, &request, sizeof(request)) != 0)
		error = -EFAULT;
	return error;
}

static long add_block_ioctl(const struct ringfold_backend_block __user *argument)
{
	struct ringfold_backend_block request;

	if (copy_from_user(&request, argument, sizeof(request)) != 0)
		return -EFAULT;
	return backend_add_block(&request);
}

static long add_network_ioctl(const struct ringfold_backend_network __user *argument)
{
	struct ringfold_backend_network request;

	if (copy_from_user(&request, argument, sizeof(request)) != 0)
		return -EFAULT;
	return request.reserved == 0 && request.reserved2 == 0 ? backend_add_network(&request) : -EINVAL;
}

static long device_ioctl(const struct ringfold_backend_remove __user *argument, u32 known_flags,
			 int (*ask)(const struct ringfold_backend_remove *request))
{
	struct ringfold_backend_remove request;

	if (copy_from_user(&request, argument, sizeof(request)) != 0)
		return -EFAULT;
	return (request.flags & ~known_flags) == 0 && request.reserved == 0 ? ask(&request) : -EINVAL;
}

static long list_ioctl(struct ringfold_backend_list __user *argument)
{
	struct ringfold_backend_list request;
	long error;

	if (copy_from_user(&request, argument, sizeof(request)) != 0)
		return -EFAULT;
	error = backend_list(&request);
	if (error == 0 && copy_to_user(argument, &request, sizeof(request)) != 0)
		error = -EFAULT;
	return error;
}

static long order_ioctl(const struct ringfold_backend_order __user *argument)
{
	struct ringfold_backend_order request;

	if (copy_from_user(&request, argument, sizeof(request)) != 0)
		return -EFAULT;
	return request.reserved == 0 ? backend_give_order(&request) : -EINVAL;
}

static long backend_ioctl(struct file *file, unsigned int command, unsigned long argument)
{
	switch (command) {
	case RINGFOLD_BACKEND_OPEN:
		return open_ioctl((void __user *)argument);
	case RINGFOLD_BACKEND_CLOSE:
		return backend_close_domain(argument);
	case RINGFOLD_BACKEND_ADD_BLOCK:
		return add_block_ioctl((void __user *)argument);
	case RINGFOLD_BACKEND_ADD_NETWORK:
		return add_network_ioctl((void __user *)argument);
	case RINGFOLD_BACKEND_REMOVE:
		return device_ioctl((void __user *)argument, RINGFOLD_BACKEND_FORCE, backend_remove);
	case RINGFOLD_BACKEND_RESET:
		return device_ioctl((void __user *)argument, 0, backend_reset);
	case RINGFOLD_BACKEND_RESIZE:
		return device_ioctl((void __user *)argument, 0, backend_resize);
	case RINGFOLD_BACKEND_LIST:
		return list_ioctl((void __user *)argument);
	case RINGFOLD_BACKEND_ORDER:
		return order_ioctl((void __user *)argument);
	default:
		return -ENOTTY;
	}
}

/* --- the file --- */

static ssize_t grants_show(struct device *device, struct device_attribute *attribute, char *text)
{
	unsigned int used;
	unsigned int waiting;

	ringfold_count_grants(&used, &waiting);
	return sysfs_emit(text, "%u\n", used);
}
static DEVICE_ATTR_RO(grants);

static ssize_t waiting_grants_show(struct device *device, struct device_attribute *attribute, char *text)
{
	unsigned int used;
	unsigned int waiting;

	ringfold_count_grants(&used, &waiting);
	return sysfs_emit(text, "%u\n", waiting);
}
static DEVICE_ATTR_RO(waiting_grants);

static struct attribute *backend_attrs[] = {
	&dev_attr_grants.attr,
	&dev_attr_waiting_grants.attr,
	NULL,
};
ATTRIBUTE_GROUPS(backend);

static const struct file_operations operations = {
	.owner = THIS_MODULE,
	.open = nonseekable_open,
	.unlocked_ioctl = backend_ioctl,
	.llseek = no_llseek,
};

static struct miscdevice device = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "ringfold-backend",
	.fops = &operations,
	.mode = 0600,
	.groups = backend_groups,
};

static int __init add_device(void)
{
	return ringfold_control_domain ? misc_register(&device) : 0;
}
device_initcall(add_device);
