// SPDX-License-Identifier: GPL-2.0
/*
 * Disks of this guest: the front end of ringfold/block.h. What is written is copied into the pool, what is read out of it;
 * an event is sent only if the back end waits for one.
 *
 * A disk outlives its connections. When one ends, what it has not answered waits, together with what comes meanwhile, until
 * the next one is there, and is asked again: some of it may have been done already, and is done a second time. That changes
 * nothing that anybody can have seen. What is asked again was not answered, so whoever asked for it does not know yet what
 * the disk has; somebody who needs an order waits for an answer before he asks for more; and a back end offers the disk
 * again only when nothing of an earlier connection can reach it any more (ringfold/device.h).
 */
#include <linux/bitmap.h>
#include <linux/blk-mq.h>
#include <linux/blkdev.h>
#include <linux/highmem.h>
#include <linux/interrupt.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/timer.h>

#include "block_offer.h"
#include "block_ring.h"
#include "bus.h"
#include "copy.h"
#include "event_limit.h"

#define NAME_LETTERS 26U

struct disk_queue {
	struct front_disk *disk;
	unsigned int number;
	struct ringfold_borrowed pages;
	int irq; /* 0: there is no connection */
	struct event_limit events; /* the interrupt handler's */
	struct timer_list listen; /* to the port again, which was masked when it had made it look in vain too often */
	spinlock_t lock; /* of all below */
	struct block_front_ring ring;
	unsigned int pool_pages;
	unsigned int pool_free;
	unsigned long *pool; /* pages in use */
};

struct front_disk {
	struct front_device *device;
	struct block_traits traits; /* changed only while nothing is asked, but for the size */
	unsigned int queue_count;
	struct disk_queue *queues; /* as long as there is a gendisk */
	struct blk_mq_tag_set tags;
	struct gendisk *disk; /* from the first connection on */
	struct work_struct adding; /* shows it to the rest of the system, which reads it */
	bool added;
	bool waits;   /* for a connection */
	bool dead;    /* there will be none: what is asked fails. Changed while it waits */
	bool read_only; /* by the offer; somebody here may want it, too */
};

/* What goes with a request of the block layer. */
struct disk_request {
	u16 count; /* pages, with the indirect one behind the others */
	int status;
	u16 pages[BLOCK_REQUEST_PAGES_MAX + 1];
};

static char *pool_address(struct disk_queue *queue, unsigned int page)
{
	return (char *)queue->pages.address + (RINGFOLD_BLOCK_POOL_FIRST + page) * PAGE_SIZE;
}

static bool has_data(const struct request *request)
{
	return req_op(request) == REQ_OP_READ || req_op(request) == REQ_OP_WRITE;
}

/* --- pages of the pool --- */

static bool take_pages(struct disk_queue *queue, struct disk_request *own, unsigned int count)
{
	unsigned int page = 0;
	unsigned int index;

	if (queue->pool_free < count)
		return false;
	for (index = 0; index < count; index++) {
		page = find_next_zero_bit(queue->pool, queue->pool_pages, page);
		__set_bit(page, queue->pool);
		own->pages[index] = page;
	}
	own->count = count;
	queue->pool_free -= count;
	return true;
}

static void free_pages_of(struct disk_queue *queue, struct disk_request *own)
{
	unsigned int index;

	for (index = 0; index < own->count; index++)
		__clear_bit(own->pages[index], queue->pool);
	queue->pool_free += own->count;
	own->count = 0;
}

/* Between the segments of a request and its pages, which are full but for the last one. */
static void copy_data(struct disk_queue *queue, struct request *request, const struct disk_request *own, bool to_pool)
{
	struct req_iterator iterator;
	unsigned int position = 0;
	struct bio_vec segment;

	rq_for_each_segment(segment, request, iterator) {
		char *data = bvec_kmap_local(&segment);
		unsigned int done = 0;

		while (done < segment.bv_len) {
			char *pool = pool_address(queue, own->pages[position / PAGE_SIZE]) + position % PAGE_SIZE;
			unsigned int length = min_t(unsigned int, segment.bv_len - done, PAGE_SIZE - position % PAGE_SIZE);

			if (to_pool)
				copy_words(pool, data + done, length);
			else
				copy_words(data + done, pool, length);
			done += length;
			position += length;
		}
		kunmap_local(data);
	}
}

/* --- requests --- */

static int operation_of(const struct request *request)
{
	switch (req_op(request)) {
	case REQ_OP_READ:
		return RINGFOLD_BLOCK_READ;
	case REQ_OP_WRITE:
		return RINGFOLD_BLOCK_WRITE;
	case REQ_OP_FLUSH:
		return RINGFOLD_BLOCK_FLUSH_CACHE;
	case REQ_OP_DISCARD:
		return RINGFOLD_BLOCK_DISCARD_RANGE;
	case REQ_OP_WRITE_ZEROES:
		return RINGFOLD_BLOCK_ZERO_RANGE;
	default:
		return -EOPNOTSUPP;
	}
}

/* A disk without a volatile cache, which it may have had when the request was made, needs no more than to write. */
static u8 flags_of(const struct front_disk *disk, const struct request *request, unsigned int pages)
{
	u8 flags = 0;

	if (req_op(request) == REQ_OP_WRITE && (request->cmd_flags & REQ_FUA) && (disk->traits.features & RINGFOLD_BLOCK_FLUSH))
		flags |= RINGFOLD_BLOCK_FORCE_ACCESS;
	if (req_op(request) == REQ_OP_WRITE_ZEROES && (request->cmd_flags & REQ_NOUNMAP))
		flags |= RINGFOLD_BLOCK_NO_UNMAP;
	if (pages > RINGFOLD_BLOCK_INLINE_PAGES)
		flags |= RINGFOLD_BLOCK_INDIRECT;
	return flags;
}

/* How many pages the data take. */
static unsigned int data_pages(const struct request *request)
{
	return has_data(request) ? DIV_ROUND_UP(blk_rq_bytes(request), PAGE_SIZE) : 0;
}

static struct ringfold_block_request describe(struct disk_queue *queue, struct request *request,
					      const struct disk_request *own)
{
	const unsigned int pages = data_pages(request);
	struct ringfold_block_request asked = {
		.id = request->tag,
		.operation = operation_of(request),
		.flags = flags_of(queue->disk, request, pages),
		.page_count = pages,
	};

	if (req_op(request) != REQ_OP_FLUSH) {
		asked.sector = blk_rq_pos(request);
		asked.sectors = blk_rq_sectors(request);
	}
	if (asked.flags & RINGFOLD_BLOCK_INDIRECT) {
		asked.pages[0] = own->pages[pages];
		memcpy(pool_address(queue, own->pages[pages]), own->pages, pages * sizeof(*own->pages));
	} else {
		memcpy(asked.pages, own->pages, pages * sizeof(*own->pages));
	}
	return asked;
}

static void tell(struct disk_queue *queue)
{
	unsigned long flags;
	bool wanted;

	spin_lock_irqsave(&queue->lock, flags);
	wanted = block_front_tell(&queue->ring);
	spin_unlock_irqrestore(&queue->lock, flags);
	if (wanted)
		ringfold_notify(queue->irq);
}

static void commit_requests(struct blk_mq_hw_ctx *context)
{
	tell(context->driver_data);
}

static bool reserve(struct blk_mq_hw_ctx *context, struct disk_request *own, unsigned int pages)
{
	struct disk_queue *queue = context->driver_data;
	unsigned long flags;
	bool reserved;

	spin_lock_irqsave(&queue->lock, flags);
	reserved = take_pages(queue, own, pages);
	/* Requests that end start it again; there are some, or there would be pages. */
	if (!reserved)
		blk_mq_stop_hw_queue(context);
	spin_unlock_irqrestore(&queue->lock, flags);
	return reserved;
}

static void put(struct disk_queue *queue, const struct ringfold_block_request *asked)
{
	unsigned long flags;

	spin_lock_irqsave(&queue->lock, flags);
	block_front_put(&queue->ring, asked);
	spin_unlock_irqrestore(&queue->lock, flags);
}

/* BLK_STS_OK: it can be asked. What came before the disk changed may not fit it any more. */
static blk_status_t check(const struct front_disk *disk, const struct request *request)
{
	if (disk->dead || data_pages(request) > disk->traits.request_pages)
		return BLK_STS_IOERR;
	return operation_of(request) < 0 ? BLK_STS_NOTSUPP : BLK_STS_OK;
}

static blk_status_t queue_request(struct blk_mq_hw_ctx *context, const struct blk_mq_queue_data *data)
{
	struct disk_request *own = blk_mq_rq_to_pdu(data->rq);
	struct disk_queue *queue = context->driver_data;
	const unsigned int pages = data_pages(data->rq);
	const blk_status_t status = check(queue->disk, data->rq);
	struct ringfold_block_request asked;

	if (status != BLK_STS_OK)
		return status;
	own->count = 0;
	if (req_op(data->rq) == REQ_OP_FLUSH && !(queue->disk->traits.features & RINGFOLD_BLOCK_FLUSH)) {
		blk_mq_start_request(data->rq);
		blk_mq_end_request(data->rq, BLK_STS_OK);
		return BLK_STS_OK;
	}
	if (!reserve(context, own, pages + (pages > RINGFOLD_BLOCK_INLINE_PAGES ? 1 : 0))) {
		tell(queue);
		return BLK_STS_DEV_RESOURCE;
	}
	blk_mq_start_request(data->rq);
	if (rq_data_dir(data->rq) == WRITE && has_data(data->rq))
		copy_data(queue, data->rq, own, true);
	asked = describe(queue, data->rq, own);
	put(queue, &asked);
	if (data->last)
		tell(queue);
	return BLK_STS_OK;
}

static blk_status_t status_of(int status)
{
	switch (status) {
	case 0:
		return BLK_STS_OK;
	case -RINGFOLD_ENOSYS:
		return BLK_STS_NOTSUPP;
	default:
		return BLK_STS_IOERR;
	}
}

static void complete_request(struct request *request)
{
	struct disk_request *own = blk_mq_rq_to_pdu(request);
	struct disk_queue *queue = request->mq_hctx->driver_data;
	unsigned long flags;

	if (req_op(request) == REQ_OP_READ && own->status == 0)
		copy_data(queue, request, own, false);
	spin_lock_irqsave(&queue->lock, flags);
	free_pages_of(queue, own);
	spin_unlock_irqrestore(&queue->lock, flags);
	/* The queue stays at least as long as a request of it. */
	blk_mq_start_stopped_hw_queues(request->q, true);
	blk_mq_end_request(request, status_of(own->status));
}

static void take_answer(struct disk_queue *queue, const struct ringfold_block_answer *answer)
{
	struct request *request = blk_mq_tag_to_rq(queue->disk->tags.tags[queue->number], answer->id);

	((struct disk_request *)blk_mq_rq_to_pdu(request))->status = answer->status;
	if (likely(!blk_should_fake_timeout(request->q)))
		blk_mq_complete_request(request);
}

/* An event that tells of nothing may be one that was sent while its answer was taken already: those come with others. */
static void limit_events(struct disk_queue *queue, bool in_vain)
{
	const unsigned long wait = event_limit_wait(&queue->events, in_vain);

	if (!in_vain)
		event_limit_give_back(&queue->events);
	if (wait != 0) {
		disable_irq_nosync(queue->irq);
		mod_timer(&queue->listen, jiffies + wait);
	}
}

static void listen_again(struct timer_list *timer)
{
	struct disk_queue *queue = from_timer(queue, timer, listen);

	enable_irq(queue->irq);
}

static irqreturn_t note_answers(int irq, void *data)
{
	struct disk_queue *queue = data;
	struct ringfold_block_answer answer;
	enum block_take taken;
	bool in_vain = true;

	spin_lock(&queue->lock);
	while ((taken = block_front_take(&queue->ring, &answer)) == BLOCK_TAKEN) {
		spin_unlock(&queue->lock);
		take_answer(queue, &answer);
		in_vain = false;
		spin_lock(&queue->lock);
	}
	spin_unlock(&queue->lock);
	if (taken == BLOCK_BROKEN)
		front_give_up(queue->disk->device, "it has answered what it was not asked");
	limit_events(queue, in_vain);
	return IRQ_HANDLED;
}

/* Disks may be slow, and what was asked cannot be taken back. */
static enum blk_eh_timer_return note_timeout(struct request *request)
{
	return BLK_EH_RESET_TIMER;
}

static int init_context(struct blk_mq_hw_ctx *context, void *data, unsigned int number)
{
	context->driver_data = &((struct front_disk *)data)->queues[number];
	return 0;
}

static const struct blk_mq_ops operations = {
	.queue_rq = queue_request,
	.commit_rqs = commit_requests,
	.complete = complete_request,
	.timeout = note_timeout,
	.init_hctx = init_context,
};

/* Perhaps the back end waits for the last one who has it open. */
static void release_disk(struct gendisk *disk, fmode_t mode)
{
	front_look_again();
}

static const struct block_device_operations disk_operations = {
	.owner = THIS_MODULE,
	.release = release_disk,
};

/* --- queues --- */

static void close_queue(struct disk_queue *queue)
{
	if (queue->irq > 0) {
		/* So that nobody is told, nor listens again. */
		disable_irq(queue->irq);
		del_timer_sync(&queue->listen);
		free_irq(queue->irq, queue);
		ringfold_close_channel(queue->irq);
	}
	queue->irq = 0;
	if (queue->pages.address != NULL)
		ringfold_give_back(&queue->pages);
	bitmap_free(queue->pool);
	queue->pool = NULL;
}

static int open_pages(struct disk_queue *queue, const struct ringfold_device_queue *offered)
{
	struct front_device *device = queue->disk->device;
	struct offer_fault fault;
	int error;

	if (!block_queue_is_right(offered, &queue->disk->traits, &fault))
		return front_refuse(device, &fault);
	queue->pool_pages = offered->pages - RINGFOLD_BLOCK_POOL_FIRST;
	queue->pool_free = queue->pool_pages;
	queue->pool = bitmap_zalloc(queue->pool_pages, GFP_KERNEL);
	if (queue->pool == NULL)
		return -ENOMEM;
	error = ringfold_borrow(device->entry.domain, offered->first_reference, offered->pages, &queue->pages);
	if (error != 0)
		return error;
	queue->ring = (struct block_front_ring){
		.queue = queue->pages.address,
		.requests = queue->pages.address + PAGE_SIZE,
	};
	return 0;
}

static int open_queue(struct disk_queue *queue)
{
	const struct ringfold_device_queue offered = front_read_queue(queue->disk->device, queue->number);
	int error = open_pages(queue, &offered);
	int irq;

	if (error != 0)
		return error;
	irq = ringfold_connect_channel(queue->disk->device->entry.domain, offered.port,
				       cpumask_local_spread(queue->number, NUMA_NO_NODE));
	if (irq < 0)
		return irq;
	/* Before the first one comes. */
	queue->irq = irq;
	error = request_irq(irq, note_answers, 0, "ringfold-disk", queue);
	if (error != 0) {
		queue->irq = 0;
		ringfold_close_channel(irq);
	}
	return error;
}

static void close_queues(struct front_disk *disk)
{
	unsigned int number;

	for (number = 0; number < disk->queue_count; number++)
		close_queue(&disk->queues[number]);
}

static int open_queues(struct front_disk *disk)
{
	unsigned int number;
	int error = 0;

	for (number = 0; number < disk->queue_count && error == 0; number++)
		error = open_queue(&disk->queues[number]);
	if (error != 0)
		close_queues(disk);
	return error;
}

/* Without connections. */
static int make_queues(struct front_disk *disk)
{
	unsigned int number;

	disk->queues = kvcalloc(disk->queue_count, sizeof(*disk->queues), GFP_KERNEL);
	if (disk->queues == NULL)
		return -ENOMEM;
	for (number = 0; number < disk->queue_count; number++) {
		disk->queues[number].disk = disk;
		disk->queues[number].number = number;
		spin_lock_init(&disk->queues[number].lock);
		timer_setup(&disk->queues[number].listen, listen_again, 0);
	}
	return 0;
}

static void free_queues(struct front_disk *disk)
{
	kvfree(disk->queues);
	disk->queues = NULL;
}

/* --- the disk --- */

/* What may differ between connections. */
static void set_limits(struct front_disk *disk)
{
	struct request_queue *queue = disk->disk->queue;
	const bool flushes = disk->traits.features & RINGFOLD_BLOCK_FLUSH;

	blk_queue_max_hw_sectors(queue, disk->traits.request_pages << (PAGE_SHIFT - SECTOR_SHIFT));
	blk_queue_write_cache(queue, flushes, flushes);
	queue->limits.discard_granularity = disk->traits.discard_granularity;
	blk_queue_max_discard_sectors(queue, disk->traits.discard_limit);
	blk_queue_max_write_zeroes_sectors(queue, disk->traits.write_zeroes_limit);
}

static void set_first_limits(struct front_disk *disk)
{
	struct request_queue *queue = disk->disk->queue;

	blk_queue_logical_block_size(queue, disk->traits.logical_block);
	blk_queue_physical_block_size(queue, disk->traits.physical_block);
	/* Data are copied: how they lie does not matter. */
	blk_queue_max_segments(queue, USHRT_MAX);
	blk_queue_max_segment_size(queue, UINT_MAX);
	if (!disk->traits.rotational)
		blk_queue_flag_set(QUEUE_FLAG_NONROT, queue);
	set_limits(disk);
}

/* rda, ..., rdz, rdaa, ... */
static void name_disk(char *name, unsigned int number)
{
	char letters[DISK_NAME_LEN] = {};
	unsigned int length = sizeof(letters) - 1;

	for (number++; number > 0 && length > 0; number = (number - 1) / NAME_LETTERS)
		letters[--length] = 'a' + (number - 1) % NAME_LETTERS;
	snprintf(name, DISK_NAME_LEN, "rd%.*s", (int)(sizeof(letters) - 1 - length), letters + length);
}

/* Its partitions are read meanwhile; the connection that this needs may end and begin anew. */
static void add_gendisk(struct work_struct *work)
{
	struct front_disk *disk = container_of(work, struct front_disk, adding);
	int error = device_add_disk(&disk->device->dev, disk->disk, NULL);

	if (error != 0)
		dev_err(&disk->device->dev, "%s cannot be added: %d\n", disk->disk->disk_name, error);
	disk->added = error == 0;
	front_settled(disk->device);
}

static int allocate_gendisk(struct front_disk *disk)
{
	struct gendisk *made = blk_mq_alloc_disk(&disk->tags, disk);

	if (IS_ERR(made))
		return PTR_ERR(made);
	disk->disk = made;
	made->fops = &disk_operations;
	made->private_data = disk;
	name_disk(made->disk_name, disk->device->entry.number);
	set_first_limits(disk);
	set_capacity(made, disk->traits.sectors);
	disk->read_only = disk->traits.features & RINGFOLD_BLOCK_READ_ONLY;
	set_disk_ro(made, disk->read_only);
	return 0;
}

static int make_disk(struct front_disk *disk)
{
	int error;

	disk->tags = (struct blk_mq_tag_set){
		.ops = &operations,
		.nr_hw_queues = disk->queue_count,
		.queue_depth = RINGFOLD_BLOCK_DEPTH,
		.numa_node = NUMA_NO_NODE,
		.cmd_size = sizeof(struct disk_request),
		.flags = BLK_MQ_F_SHOULD_MERGE,
		.driver_data = disk,
	};
	error = blk_mq_alloc_tag_set(&disk->tags);
	if (error != 0)
		return error;
	error = allocate_gendisk(disk);
	if (error != 0) {
		blk_mq_free_tag_set(&disk->tags);
		return error;
	}
	queue_work(system_unbound_wq, &disk->adding);
	return 0;
}

/* Those that nobody has answered are to be asked again. */
static bool take_back(struct request *request, void *data)
{
	struct disk_queue *queue = request->mq_hctx->driver_data;
	unsigned long flags;
	bool taken_back;

	spin_lock_irqsave(&queue->lock, flags);
	taken_back = block_front_take_back(&queue->ring, request->tag);
	if (taken_back)
		free_pages_of(queue, blk_mq_rq_to_pdu(request));
	spin_unlock_irqrestore(&queue->lock, flags);
	if (taken_back)
		blk_mq_requeue_request(request, false);
	return true;
}

/* Nothing is asked any more, and no answer is taken; what was not answered waits. */
static void stop_disk(struct front_disk *disk)
{
	unsigned int number;

	for (number = 0; number < disk->queue_count; number++)
		disable_irq(disk->queues[number].irq);
	blk_mq_quiesce_queue(disk->disk->queue);
	disk->waits = true;
	/* Their data are copied out of the pool. */
	blk_mq_tagset_wait_completed_request(&disk->tags);
	blk_mq_tagset_busy_iter(&disk->tags, take_back, NULL);
}

static void let_go_on(struct front_disk *disk)
{
	if (!disk->waits)
		return;
	disk->waits = false;
	blk_mq_unquiesce_queue(disk->disk->queue);
	/* Those that had no pages, and those that were taken back. */
	blk_mq_start_stopped_hw_queues(disk->disk->queue, true);
	blk_mq_kick_requeue_list(disk->disk->queue);
}

/* The disk as it is offered now. What does not fit it any more fails. */
static void take_up(struct front_disk *disk)
{
	const bool read_only = disk->traits.features & RINGFOLD_BLOCK_READ_ONLY;

	set_limits(disk);
	if (disk->read_only != read_only)
		set_disk_ro(disk->disk, read_only);
	disk->read_only = read_only;
	set_capacity_and_notify(disk->disk, disk->traits.sectors);
	let_go_on(disk);
	front_settled(disk->device);
}

static void remove_disk(struct front_disk *disk)
{
	flush_work(&disk->adding);
	if (disk->added) {
		blk_mark_disk_dead(disk->disk);
		del_gendisk(disk->disk);
	}
	put_disk(disk->disk);
	disk->disk = NULL;
	blk_mq_free_tag_set(&disk->tags);
	free_queues(disk);
}

/* --- the device --- */

static struct front_disk *disk_of(struct front_device *device)
{
	return dev_get_drvdata(&device->dev);
}

/* Who uses the disk relies on its block size, and its queues are there. */
static int offer_fits(const struct front_disk *disk, u32 queue_limit)
{
	const unsigned int block = queue_logical_block_size(disk->disk->queue);

	if (disk->traits.logical_block > block) {
		dev_err(&disk->device->dev, "its blocks have %u bytes now, they had %u\n", disk->traits.logical_block, block);
		return -EINVAL;
	}
	if (queue_limit < disk->queue_count) {
		dev_err(&disk->device->dev, "it has %u queues now, it had %u\n", queue_limit, disk->queue_count);
		return -EINVAL;
	}
	return 0;
}

static int choose(struct front_device *device, struct front_choice *choice)
{
	const u32 queue_limit = front_queue_limit(device);
	struct front_disk *disk = disk_of(device);
	struct offer_fault fault;
	int error = 0;

	if (!block_offer_read(device->page, &disk->traits, &fault))
		return front_refuse(device, &fault);
	if (disk->disk != NULL)
		error = offer_fits(disk, queue_limit);
	else
		disk->queue_count = min(queue_limit, num_online_cpus());
	choice->queues = disk->queue_count;
	choice->features = disk->traits.features;
	return error;
}

static int connect_first(struct front_disk *disk)
{
	int error = make_queues(disk);

	if (error != 0)
		return error;
	error = open_queues(disk);
	if (error == 0) {
		error = make_disk(disk);
		if (error != 0)
			close_queues(disk);
	}
	if (error != 0)
		free_queues(disk);
	return error;
}

static int connect(struct front_device *device)
{
	struct front_disk *disk = disk_of(device);
	int error;

	if (disk->disk == NULL)
		return connect_first(disk);
	error = open_queues(disk);
	if (error == 0)
		take_up(disk);
	return error;
}

/* Not while somebody has it open; then release_disk() asks again. */
static bool may_close(struct front_device *device)
{
	return disk_openers(disk_of(device)->disk) == 0;
}

static void disconnect(struct front_device *device)
{
	struct front_disk *disk = disk_of(device);

	stop_disk(disk);
	close_queues(disk);
}

static void fail(struct front_device *device)
{
	struct front_disk *disk = disk_of(device);

	if (disk->disk == NULL)
		return;
	disk->dead = true;
	let_go_on(disk);
}

static void check_size(struct front_device *device)
{
	struct front_disk *disk = disk_of(device);
	struct offer_fault fault;
	u64 sectors;

	if (!block_offer_read_size(device->page, &disk->traits, &sectors, &fault))
		front_refuse(device, &fault);
	else if (sectors != disk->traits.sectors && front_may_change(device)) {
		disk->traits.sectors = sectors;
		set_capacity_and_notify(disk->disk, sectors);
	}
}

static int probe_disk(struct front_device *device)
{
	struct front_disk *disk = kzalloc(sizeof(*disk), GFP_KERNEL);

	if (disk == NULL)
		return -ENOMEM;
	disk->device = device;
	INIT_WORK(&disk->adding, add_gendisk);
	dev_set_drvdata(&device->dev, disk);
	return 0;
}

static void remove_front(struct front_device *device)
{
	struct front_disk *disk = disk_of(device);

	fail(device);
	if (disk->disk != NULL)
		remove_disk(disk);
	kfree(disk);
}

static struct front_driver driver = {
	.driver = {
		.name = "ringfold-block",
		.owner = THIS_MODULE,
		.suppress_bind_attrs = true,
	},
	.kind = RINGFOLD_DEVICE_BLOCK,
	.probe = probe_disk,
	.choose = choose,
	.connect = connect,
	.offer_changed = check_size,
	.may_close = may_close,
	.disconnect = disconnect,
	.fail = fail,
	.remove = remove_front,
};

static int __init start_block_front(void)
{
	return ringfold_control_place.domain != 0 ? front_register_driver(&driver) : 0;
}
device_initcall(start_block_front);
