// SPDX-License-Identifier: GPL-2.0
/*
 * The control pages of the guests that this kernel serves, and the states of their devices. A guest's own work looks at
 * all of its device pages whenever it sends an event; what a guest does or does not do holds up nobody else.
 */
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include <asm/ringfold.h>

#include "backend.h"

/* How often a guest without a connected control port is looked at: is it still there? */
#define LOOK_INTERVAL HZ
/* Who takes a device away waits so long for its disk. */
#define PATIENCE (10 * HZ)

/* Runs of pages of queues have up to 2^RUN_ORDER. */
#define RUN_ORDER 6
#define MOST_USUAL_QUEUES 4U

static LIST_HEAD(domains);
static DEFINE_MUTEX(domains_lock); /* of the list; taken before a domain's own lock */
static struct workqueue_struct *workers;

static void free_domain(struct kref *references)
{
	kfree(container_of(references, struct backend_domain, references));
}

static void release(struct backend_domain *domain)
{
	kref_put(&domain->references, free_domain);
}

/* --- pages --- */

static struct ringfold_control_page *control_of(struct backend_domain *domain)
{
	return page_address(domain->control_page);
}

static int grant_page(unsigned int domain, struct page **page, u32 *reference)
{
	int error;

	*page = alloc_page(GFP_KERNEL | __GFP_ZERO);
	if (*page == NULL)
		return -ENOMEM;
	error = ringfold_grant_pages(domain, page, 1, reference);
	if (error != 0)
		__free_page(*page);
	return error;
}

/* Its page and, if the front end takes all that it is offered, its queues. */
static unsigned int references_of(const struct backend_device *device)
{
	return 1 + device->queue_limit * device->queue_pages;
}

static void free_pages_of(struct page **pages, unsigned int count)
{
	while (count-- > 0)
		__free_page(pages[count]);
}

/* Pages that lie behind one another, if there are some; how many. A device reads and writes them as one segment. */
static unsigned int allocate_run(struct page **pages, unsigned int room)
{
	unsigned int order = min_t(unsigned int, ilog2(room), RUN_ORDER);
	struct page *first = NULL;
	unsigned int count;

	if (order != 0)
		first = alloc_pages(GFP_KERNEL | __GFP_ZERO | __GFP_NORETRY | __GFP_NOWARN, order);
	if (first == NULL) {
		order = 0;
		first = alloc_page(GFP_KERNEL | __GFP_ZERO);
	}
	if (first == NULL)
		return 0;
	split_page(first, order);
	for (count = 0; count < 1U << order; count++)
		pages[count] = first + count;
	return count;
}

static int allocate_pages(struct page **pages, unsigned int count)
{
	unsigned int done = 0;

	while (done < count) {
		const unsigned int run = allocate_run(pages + done, count - done);

		if (run == 0) {
			free_pages_of(pages, done);
			return -ENOMEM;
		}
		done += run;
	}
	return 0;
}

static int fill_queue(unsigned int domain, unsigned int cpu, struct backend_queue *queue)
{
	int error = allocate_pages(queue->pages, queue->page_count);

	if (error != 0)
		return error;
	error = ringfold_grant_pages(domain, queue->pages, queue->page_count, &queue->first_reference);
	if (error != 0) {
		free_pages_of(queue->pages, queue->page_count);
		return error;
	}
	queue->irq = ringfold_offer_channel(domain, cpu);
	if (queue->irq >= 0)
		return 0;
	ringfold_end_grants(queue->first_reference, queue->pages, queue->page_count);
	return queue->irq;
}

int backend_make_queue(struct backend_device *device, unsigned int pages, unsigned int cpu, struct backend_queue *queue)
{
	int error;

	queue->page_count = pages;
	queue->pages = kvcalloc(pages, sizeof(*queue->pages), GFP_KERNEL);
	if (queue->pages == NULL)
		return -ENOMEM;
	error = fill_queue(device->domain->id, cpu, queue);
	if (error != 0)
		kvfree(queue->pages);
	return error;
}

void backend_free_queue(struct backend_queue *queue)
{
	ringfold_close_channel(queue->irq);
	ringfold_end_grants(queue->first_reference, queue->pages, queue->page_count);
	kvfree(queue->pages);
}

void backend_describe_queue(struct backend_device *device, unsigned int number, const struct backend_queue *queue)
{
	device->page->queues[number] = (struct ringfold_device_queue){
		.first_reference = queue->first_reference,
		.pages = queue->page_count,
		.port = ringfold_channel_port(queue->irq),
	};
}

unsigned int backend_usual_queues(unsigned int domain)
{
	return clamp(ringfold_domain_vcpus(domain), 1U, min(MOST_USUAL_QUEUES, num_online_cpus()));
}

/* --- states --- */

static void set_state(struct backend_device *device, u32 state)
{
	device->state = state;
	/* After all that it stands for. */
	smp_store_release(&device->page->back_state, state);
}

/*
 * Lets go of the queues when what was asked there is done, which only a disk knows. False: it is not yet; backend_note_done()
 * has somebody try again. What the disk was told to do is done before the device is offered again, or it would be done
 * after what is asked then.
 */
static bool end_queues(struct backend_device *device)
{
	if (device->queues == 0)
		return true;
	if (!device->ending)
		WRITE_ONCE(device->domain->ending, device->domain->ending + 1);
	device->ending = true;
	if (device->kind->fall_silent != NULL && !device->kind->fall_silent(device))
		return false;
	device->kind->disconnect(device);
	device->queues = 0;
	device->broken = false;
	return true;
}

/* After end_queues(), when nothing is left that was to go: who waits for that goes on. */
static void note_ended(struct backend_domain *domain, bool was_ending)
{
	if (!was_ending)
		return;
	WRITE_ONCE(domain->ending, domain->ending - 1);
	wake_up_all(&domain->ended);
}

static void tell_ended(struct backend_device *device)
{
	note_ended(device->domain, device->ending);
	device->ending = false;
}

/* Not before its queues are gone. */
static void disconnect(struct backend_device *device, u32 state, int error)
{
	if (!end_queues(device))
		return;
	tell_ended(device);
	device->error = error;
	WRITE_ONCE(device->page->error, -error);
	set_state(device, state);
}

/* What the front end chose is read once. */
static int connect(struct backend_device *device)
{
	u32 queues = READ_ONCE(device->page->queue_count);
	u32 features = READ_ONCE(device->page->taken_features);
	int error;

	if (queues == 0 || queues > device->queue_limit || (features & ~device->features) != 0)
		return -EINVAL;
	error = device->kind->connect(device, queues, features);
	if (error == 0)
		device->queues = queues;
	return error;
}

static void answer_request(struct backend_device *device)
{
	int error = connect(device);

	if (error != 0) {
		disconnect(device, RINGFOLD_STATE_CLOSED, error);
		return;
	}
	device->reset = false;
	set_state(device, RINGFOLD_STATE_CONNECTED);
}

/* The connection ends as if nobody were at this end any more: the front end hears nothing of what it has asked. */
static void reset_connection(struct backend_device *device)
{
	device->reset = true;
	if (device->queues != 0 && device->kind->fall_silent != NULL)
		device->kind->fall_silent(device);
	device->error = 0;
	WRITE_ONCE(device->page->error, 0);
	set_state(device, RINGFOLD_STATE_CLOSED);
	ringfold_notify(device->domain->irq);
	if (end_queues(device))
		tell_ended(device);
}

/*
 * A guest that keeps the pages of one connection gets no others, or it could have all memory: it would ask, close and ask
 * again.
 */
static void offer_again(struct backend_device *device)
{
	if (ringfold_grants_wait_for(device->domain->id)) {
		device->domain->look_again = true;
		return;
	}
	device->kind->offer(device);
	set_state(device, RINGFOLD_STATE_OFFERED);
}

/* It may be taken away. One that was reset is connected again before its front end is asked: that may be using it. */
static bool may_go(const struct backend_device *device)
{
	return device->leaving && !device->reset;
}

/* The front end cannot use what it is offered, or another driver is to come. */
static void note_refusal(struct backend_device *device)
{
	device->reset = false;
	disconnect(device, RINGFOLD_STATE_CLOSED, 0);
}

static void step(struct backend_device *device, u32 front)
{
	switch (device->state) {
	case RINGFOLD_STATE_OFFERED:
		if (front == RINGFOLD_STATE_CLOSED)
			note_refusal(device);
		else if (may_go(device))
			set_state(device, front == RINGFOLD_STATE_NONE ? RINGFOLD_STATE_CLOSED :
									 RINGFOLD_STATE_CLOSING);
		else if (front == RINGFOLD_STATE_ASKED)
			answer_request(device);
		break;
	case RINGFOLD_STATE_CONNECTED:
		if (front == RINGFOLD_STATE_CLOSED || device->broken || device->ending)
			disconnect(device, RINGFOLD_STATE_CLOSED, device->broken ? -EINVAL : 0);
		else if (device->leaving)
			set_state(device, RINGFOLD_STATE_CLOSING);
		break;
	case RINGFOLD_STATE_CLOSING:
		if (front == RINGFOLD_STATE_CLOSED || device->broken || device->ending)
			disconnect(device, RINGFOLD_STATE_CLOSED, 0);
		break;
	case RINGFOLD_STATE_CLOSED:
		if (!end_queues(device))
			break;
		tell_ended(device);
		if (!may_go(device) && front == RINGFOLD_STATE_NONE)
			offer_again(device);
		break;
	}
}

static void free_device(struct backend_device *device)
{
	struct backend_domain *domain = device->domain;
	struct page *page = device->page_frame;
	const u32 reference = device->reference;
	const bool was_ending = device->ending;

	list_del(&device->list);
	ringfold_end_promise(references_of(device));
	device->kind->free(device);
	ringfold_end_grants(reference, &page, 1);
	note_ended(domain, was_ending);
	release(domain);
}

/*
 * The front end has lost it. Its place in the control page is free again when nothing of it is under way, and its page when
 * the guest lets go of it. The caller refers to the domain himself.
 */
static void remove_device(struct backend_device *device)
{
	const bool ended = end_queues(device);

	if (!device->gone) {
		set_state(device, RINGFOLD_STATE_CLOSED);
		/* After the queues fell silent: what the front end still asks is lost. */
		smp_store_release(&control_of(device->domain)->devices[device->place].generation, 0);
		device->gone = true;
	}
	if (ended)
		free_device(device);
}

/* True: something changed. */
static bool look_at_device(struct backend_device *device)
{
	/* Before all that it stands for. */
	u32 front = smp_load_acquire(&device->page->front_state);
	u32 before = device->state;

	if (device->gone) {
		remove_device(device);
		return false;
	}
	step(device, front);
	if (device->state != RINGFOLD_STATE_CLOSED || !may_go(device))
		return device->state != before;
	remove_device(device);
	return true;
}

static void remove_devices(struct backend_domain *domain)
{
	struct backend_device *device;
	struct backend_device *next;

	list_for_each_entry_safe(device, next, &domain->devices, list)
		remove_device(device);
}

static void close_domain(struct backend_domain *domain)
{
	if (domain->closed)
		return;
	remove_devices(domain);
	domain->closed = true;
	ringfold_end_promise(1);
	ringfold_end_grants(domain->control_reference, &domain->control_page, 1);
}

/* The list's reference and the port go with it. Not from the domain's own work's lock. */
static void forget_domain(struct backend_domain *domain)
{
	bool listed;

	mutex_lock(&domains_lock);
	listed = !list_empty(&domain->list);
	list_del_init(&domain->list);
	mutex_unlock(&domains_lock);
	if (!listed)
		return;
	mutex_lock(&domain->lock);
	close_domain(domain);
	mutex_unlock(&domain->lock);
	/* Nobody listens to it again. */
	free_irq(domain->irq, domain);
	ringfold_close_channel(domain->irq);
	release(domain);
}

/* Once at each, or a guest that is fast could keep the lock for ever. True: something changed. */
static bool look_at_devices(struct backend_domain *domain)
{
	struct backend_device *device;
	struct backend_device *next;
	bool changed = false;

	domain->look_again = false;
	list_for_each_entry_safe(device, next, &domain->devices, list)
		changed |= look_at_device(device);
	if (changed)
		ringfold_notify(domain->irq);
	return changed;
}

static void queue_look(struct backend_domain *domain, unsigned long delay)
{
	kref_get(&domain->references);
	if (!queue_delayed_work(workers, &domain->work, delay))
		release(domain);
}

static void look_at_open(struct backend_domain *domain)
{
	bool changed = look_at_devices(domain);
	/* Whatever it finds, it counts: those who mean well change little. */
	unsigned long wait = event_limit_wait(&domain->events, true);

	if (changed || wait != 0) {
		queue_look(domain, wait);
	} else if (READ_ONCE(domain->told)) {
		WRITE_ONCE(domain->told, false);
		enable_irq(domain->irq);
	}
	/* Nobody tells when a guest is destroyed before it connects. */
	if (!ringfold_channel_connected(domain->irq) || domain->look_again)
		queue_look(domain, LOOK_INTERVAL);
}

static void look_at_domain(struct work_struct *work)
{
	struct backend_domain *domain = container_of(to_delayed_work(work), struct backend_domain, work);
	bool listed;

	mutex_lock(&domains_lock);
	listed = !list_empty(&domain->list);
	mutex_unlock(&domains_lock);
	if (listed && !ringfold_domain_lives(domain->id)) {
		forget_domain(domain);
	} else {
		mutex_lock(&domain->lock);
		/* Its channel is closed after it was itself. */
		if (!domain->closed)
			look_at_open(domain);
		else
			remove_devices(domain);
		mutex_unlock(&domain->lock);
	}
	release(domain);
}

static void look_soon(struct backend_domain *domain)
{
	kref_get(&domain->references);
	if (mod_delayed_work(workers, &domain->work, 0))
		release(domain); /* that of the time when it was queued serves */
}

static irqreturn_t note_event(int irq, void *data)
{
	struct backend_domain *domain = data;

	disable_irq_nosync(irq);
	WRITE_ONCE(domain->told, true);
	look_soon(domain);
	return IRQ_HANDLED;
}

void backend_notify(const struct backend_device *device)
{
	ringfold_notify(device->domain->irq);
}

void backend_give_up(struct backend_device *device)
{
	WRITE_ONCE(device->broken, true);
	look_soon(device->domain);
}

void backend_note_done(const struct backend_device *device)
{
	look_soon(device->domain);
}

/* --- domains --- */

/* A disk that answers late, or never, holds up its own device, and programs only for a while. */
static void wait_for_ends(struct backend_domain *domain)
{
	wait_event_timeout(domain->ended, READ_ONCE(domain->ending) == 0, PATIENCE);
}

/* With a reference of the caller's. */
static struct backend_domain *find_domain(unsigned int id)
{
	struct backend_domain *domain;

	mutex_lock(&domains_lock);
	list_for_each_entry(domain, &domains, list) {
		if (domain->id == id) {
			kref_get(&domain->references);
			mutex_unlock(&domains_lock);
			return domain;
		}
	}
	mutex_unlock(&domains_lock);
	return NULL;
}

static struct backend_domain *allocate_domain(unsigned int id)
{
	struct backend_domain *domain = kzalloc(sizeof(*domain), GFP_KERNEL);

	if (domain == NULL)
		return NULL;
	INIT_LIST_HEAD(&domain->list);
	INIT_LIST_HEAD(&domain->devices);
	kref_init(&domain->references);
	mutex_init(&domain->lock);
	init_waitqueue_head(&domain->ended);
	INIT_DELAYED_WORK(&domain->work, look_at_domain);
	domain->id = id;
	return domain;
}

static int open_port(struct backend_domain *domain)
{
	int error;

	domain->irq = ringfold_offer_channel(domain->id, 0);
	if (domain->irq < 0)
		return domain->irq;
	error = request_irq(domain->irq, note_event, 0, "ringfold-control", domain);
	if (error != 0)
		ringfold_close_channel(domain->irq);
	return error;
}

static int open_control_page(struct backend_domain *domain)
{
	struct ringfold_control_page *control;
	int error = grant_page(domain->id, &domain->control_page, &domain->control_reference);

	if (error != 0)
		return error;
	control = control_of(domain);
	control->magic = RINGFOLD_CONTROL_MAGIC;
	control->version = RINGFOLD_CONTROL_VERSION;
	error = open_port(domain);
	if (error != 0)
		ringfold_end_grants(domain->control_reference, &domain->control_page, 1);
	return error;
}

/* The caller holds the lock of the list. */
static int open_locked(struct ringfold_backend_domain *request)
{
	struct backend_domain *domain;
	int error;

	list_for_each_entry(domain, &domains, list) {
		if (domain->id == request->domain)
			return -EEXIST;
	}
	domain = allocate_domain(request->domain);
	if (domain == NULL)
		return -ENOMEM;
	error = ringfold_promise_grants(1);
	if (error == 0) {
		error = open_control_page(domain);
		if (error != 0)
			ringfold_end_promise(1);
	}
	if (error != 0) {
		release(domain);
		return error;
	}
	request->reference = domain->control_reference;
	request->port = ringfold_channel_port(domain->irq);
	list_add_tail(&domain->list, &domains);
	queue_look(domain, LOOK_INTERVAL);
	return 0;
}

int backend_open_domain(struct ringfold_backend_domain *request)
{
	int error;

	mutex_lock(&domains_lock);
	error = open_locked(request);
	mutex_unlock(&domains_lock);
	return error;
}

int backend_close_domain(unsigned int id)
{
	struct backend_domain *domain = find_domain(id);

	if (domain == NULL)
		return -ENOENT;
	forget_domain(domain);
	wait_for_ends(domain);
	release(domain);
	return 0;
}

/* --- devices --- */

static int free_place(const struct backend_domain *domain, const struct backend_device *added)
{
	DECLARE_BITMAP(taken, RINGFOLD_CONTROL_DEVICES) = {};
	const struct backend_device *device;
	unsigned int place;

	list_for_each_entry(device, &domain->devices, list) {
		__set_bit(device->place, taken);
		if (device->kind == added->kind && device->number == added->number)
			return -EEXIST;
	}
	place = find_first_zero_bit(taken, RINGFOLD_CONTROL_DEVICES);
	return place < RINGFOLD_CONTROL_DEVICES ? place : -ENOSPC;
}

static void show_device(struct backend_domain *domain, struct backend_device *device)
{
	struct ringfold_control_device *entry = &control_of(domain)->devices[device->place];

	device->page->queue_limit = device->queue_limit;
	device->page->features = device->features;
	set_state(device, RINGFOLD_STATE_OFFERED);
	entry->kind = device->kind->kind;
	entry->number = device->number;
	entry->domain = ringfold_own_domain();
	entry->reference = device->reference;
	domain->generation = domain->generation + 1 ?: 1;
	/* The entry is whole. */
	smp_store_release(&entry->generation, domain->generation);
	ringfold_notify(domain->irq);
}

static int add_device(struct backend_domain *domain, struct backend_device *device)
{
	int place = domain->closed ? -ENOENT : free_place(domain, device);
	int error;

	if (place < 0)
		return place;
	device->domain = domain;
	device->place = place;
	error = ringfold_promise_grants(references_of(device));
	if (error != 0)
		return error;
	error = grant_page(domain->id, &device->page_frame, &device->reference);
	if (error != 0) {
		ringfold_end_promise(references_of(device));
		return error;
	}
	device->page = page_address(device->page_frame);
	device->kind->offer(device);
	kref_get(&domain->references);
	list_add_tail(&device->list, &domain->devices);
	show_device(domain, device);
	return 0;
}

int backend_add(unsigned int id, struct backend_device *device)
{
	struct backend_domain *domain = find_domain(id);
	int error;

	if (domain == NULL)
		return -ENOENT;
	mutex_lock(&domain->lock);
	error = add_device(domain, device);
	mutex_unlock(&domain->lock);
	release(domain);
	return error;
}

static struct backend_device *find_device(struct backend_domain *domain, u16 kind, unsigned int number)
{
	struct backend_device *device;

	list_for_each_entry(device, &domain->devices, list) {
		if (device->kind->kind == kind && device->number == number && !device->gone)
			return device;
	}
	return NULL;
}

static int remove_locked(struct backend_domain *domain, const struct ringfold_backend_remove *request)
{
	struct backend_device *device = find_device(domain, request->kind, request->number);

	if (device == NULL)
		return -ENODEV;
	device->leaving = true;
	if (request->flags & RINGFOLD_BACKEND_FORCE) {
		remove_device(device);
		ringfold_notify(domain->irq);
	}
	return 0;
}

static int reset_locked(struct backend_domain *domain, const struct ringfold_backend_remove *request)
{
	struct backend_device *device = find_device(domain, request->kind, request->number);

	if (device == NULL)
		return -ENODEV;
	if (device->state == RINGFOLD_STATE_CONNECTED || device->state == RINGFOLD_STATE_CLOSING)
		reset_connection(device);
	return 0;
}

static int resize_locked(struct backend_domain *domain, const struct ringfold_backend_remove *request)
{
	struct backend_device *device = find_device(domain, request->kind, request->number);

	if (device == NULL)
		return -ENODEV;
	if (device->kind->look == NULL)
		return -EOPNOTSUPP;
	device->kind->look(device);
	return 0;
}

/* What one device of a domain is asked. */
static int with_domain(const struct ringfold_backend_remove *request,
		       int (*ask)(struct backend_domain *domain, const struct ringfold_backend_remove *request))
{
	struct backend_domain *domain = find_domain(request->domain);
	int error;

	if (domain == NULL)
		return -ENOENT;
	mutex_lock(&domain->lock);
	error = ask(domain, request);
	mutex_unlock(&domain->lock);
	look_soon(domain);
	wait_for_ends(domain);
	release(domain);
	return error;
}

int backend_remove(const struct ringfold_backend_remove *request)
{
	return with_domain(request, remove_locked);
}

int backend_reset(const struct ringfold_backend_remove *request)
{
	return with_domain(request, reset_locked);
}

int backend_resize(const struct ringfold_backend_remove *request)
{
	return with_domain(request, resize_locked);
}

static int list_devices(struct backend_domain *domain, struct ringfold_backend_list *request)
{
	struct ringfold_backend_device __user *to = u64_to_user_ptr(request->devices);
	struct backend_device *device;
	u32 count = 0;

	list_for_each_entry(device, &domain->devices, list) {
		struct ringfold_backend_device one = {
			.kind = device->kind->kind,
			.number = device->number,
			.back_state = device->state,
			.front_state = READ_ONCE(device->page->front_state),
			.queues = device->queues,
			.error = -device->error,
		};

		device->kind->describe(device, &one);
		if (count < request->count && copy_to_user(&to[count], &one, sizeof(one)) != 0)
			return -EFAULT;
		count++;
	}
	request->count = count;
	return 0;
}

int backend_list(struct ringfold_backend_list *request)
{
	struct backend_domain *domain = find_domain(request->domain);
	int error;

	if (domain == NULL)
		return -ENOENT;
	mutex_lock(&domain->lock);
	error = list_devices(domain, request);
	mutex_unlock(&domain->lock);
	release(domain);
	return error;
}

static int give_order(struct backend_domain *domain, u32 order, u32 argument)
{
	struct ringfold_control_page *control = control_of(domain);

	if (domain->closed)
		return -ENOENT;
	if (!ringfold_channel_connected(domain->irq))
		return -ENOTCONN;
	WRITE_ONCE(control->order, order);
	WRITE_ONCE(control->order_argument, argument);
	domain->orders++;
	/* The order is whole. */
	smp_store_release(&control->order_count, domain->orders);
	ringfold_notify(domain->irq);
	return 0;
}

int backend_give_order(const struct ringfold_backend_order *request)
{
	struct backend_domain *domain = find_domain(request->domain);
	int error;

	if (domain == NULL)
		return -ENOENT;
	mutex_lock(&domain->lock);
	error = give_order(domain, request->order, request->argument);
	mutex_unlock(&domain->lock);
	release(domain);
	return error;
}

static int __init start_backend(void)
{
	/* Others' domains are served by one that may control them. */
	if (!ringfold_control_domain)
		return 0;
	workers = alloc_workqueue("ringfold-backend", WQ_UNBOUND | WQ_MEM_RECLAIM, 0);
	return workers != NULL ? 0 : -ENOMEM;
}
subsys_initcall(start_backend);
