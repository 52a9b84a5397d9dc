// SPDX-License-Identifier: GPL-2.0
/*
 * Disks for guests: the back end of ringfold/block.h over any block device of this kernel. The pages of a guest's pool are
 * handed to the disk as they are.
 */
#include <linux/bio.h>
#include <linux/blkdev.h>
#include <linux/file.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#include "backend.h"
#include "block_ring.h"
#include "event_limit.h"
#include "rate_limit.h"

/* So many of the largest requests find room in a pool at once: the disk has work while the guest copies. */
#define LARGE_REQUESTS 4U
#define LARGE_REQUEST_PAGES 64U
#define DEFAULT_POOL_PAGES (LARGE_REQUESTS * (LARGE_REQUEST_PAGES + 1))
#define MOST_POOL_PAGES 4096U
/* Bounds how much a request that is split up can take. */
#define DISCARD_LIMIT (1U << 21)      /* sectors */
#define WRITE_ZEROES_LIMIT (1U << 16) /* sectors */
/* Sectors that the smallest request counts for, and one without data, which takes time as well; and a wrong one at the most. */
#define LEAST_COST ((u32)PAGE_SECTORS)
#define MOST_COST (BLOCK_REQUEST_PAGES_MAX * PAGE_SECTORS)
/* Requests that are served before other work gets a turn. */
#define TURN 256U
/* How often sizes of disks are looked at, while this kernel is awake anyway: nobody tells of a change. */
#define SIZE_INTERVAL (2 * HZ)

struct block_queue;

/* A request in flight. */
struct block_io {
	struct block_queue *queue;
	struct list_head list; /* in the queue's free ones */
	u32 id;
};

struct block_queue {
	struct backend_queue shared;
	struct block_disk *disk;
	struct block_back_ring ring;
	struct block_limits limits;
	spinlock_t lock; /* of answers, silence, free ones, in_flight and serving: requests end in interrupts */
	bool silent;     /* nothing is answered any more, nor taken */
	bool serving;    /* requests are taken, and given to the disk, which may keep whoever does it waiting */
	struct list_head free;
	struct block_io ios[RINGFOLD_BLOCK_DEPTH];
	unsigned int in_flight;
	struct delayed_work work; /* delayed by the disk's limit, or that of events */
	struct event_limit events;
	u64 requests;
	u64 sectors;
};

struct block_disk {
	struct backend_device device;
	struct list_head list; /* of those that are offered */
	u64 offered_sectors;
	struct block_device *bdev;
	fmode_t mode;
	u32 flags;
	u32 pool_pages;
	struct rate_limit limit;
	struct block_queue **queues;
	u64 requests; /* of earlier connections */
	u64 sectors;
};

static struct workqueue_struct *workers;
static DEFINE_MUTEX(disks_lock); /* of the list and what it offers; taken after a domain's own lock */
static LIST_HEAD(disks);

static void look_at_sizes(struct work_struct *work);
static DECLARE_DEFERRABLE_WORK(size_work, look_at_sizes);

static struct block_disk *disk_of(struct backend_device *device)
{
	return container_of(device, struct block_disk, device);
}

/* --- answers --- */

static void answer(struct block_queue *queue, u32 id, int status)
{
	unsigned long flags;
	bool wanted = false;

	spin_lock_irqsave(&queue->lock, flags);
	if (!queue->silent) {
		block_back_put(&queue->ring, id, status);
		wanted = block_back_tell(&queue->ring);
	}
	spin_unlock_irqrestore(&queue->lock, flags);
	if (wanted)
		ringfold_notify(queue->shared.irq);
}

static struct block_io *take_io(struct block_queue *queue, u32 id)
{
	struct block_io *io;

	spin_lock_irq(&queue->lock);
	io = list_first_entry_or_null(&queue->free, struct block_io, list);
	if (io != NULL) {
		list_del(&io->list);
		io->id = id;
		queue->in_flight++;
	}
	spin_unlock_irq(&queue->lock);
	return io;
}

/* The caller holds the lock. */
static bool is_done(const struct block_queue *queue)
{
	return queue->in_flight == 0 && !queue->serving;
}

/* The same. */
static void tell_done(struct block_queue *queue)
{
	if (queue->silent && is_done(queue))
		backend_note_done(&queue->disk->device);
}

static void end_io(struct block_io *io, int status)
{
	struct block_queue *queue = io->queue;
	const u32 id = io->id;
	unsigned long flags;

	spin_lock_irqsave(&queue->lock, flags);
	list_add(&io->list, &queue->free);
	spin_unlock_irqrestore(&queue->lock, flags);
	answer(queue, id, status);
	/* The last thing that is done with the queue: close_queue() takes the lock before it frees it. */
	spin_lock_irqsave(&queue->lock, flags);
	queue->in_flight--;
	tell_done(queue);
	spin_unlock_irqrestore(&queue->lock, flags);
}

static int status_of(blk_status_t status)
{
	switch (status) {
	case BLK_STS_OK:
		return 0;
	case BLK_STS_NOTSUPP:
		return -RINGFOLD_ENOSYS;
	default:
		return -RINGFOLD_BLOCK_EIO;
	}
}

static void end_bio(struct bio *bio)
{
	struct block_io *io = bio->bi_private;
	const int status = status_of(bio->bi_status);

	bio_put(bio);
	end_io(io, status);
}

static void submit(struct block_io *io, struct bio *bio)
{
	bio->bi_private = io;
	bio->bi_end_io = end_bio;
	submit_bio(bio);
}

/* --- requests --- */

static struct page *pool_page(struct block_queue *queue, unsigned int number)
{
	return queue->shared.pages[RINGFOLD_BLOCK_POOL_FIRST + number];
}

static int find_pages(struct block_queue *queue, const struct ringfold_block_request *request, u16 *pages)
{
	const u16 *indirect = NULL;

	if (request->flags & RINGFOLD_BLOCK_INDIRECT) {
		int page = block_indirect_page(request, &queue->limits);

		if (page < 0)
			return page;
		indirect = page_address(pool_page(queue, page));
	}
	return block_copy_pages(request, indirect, &queue->limits, pages);
}

static int transfer(struct block_io *io, const struct ringfold_block_request *request)
{
	struct block_queue *queue = io->queue;
	const bool writes = request->operation == RINGFOLD_BLOCK_WRITE;
	const bool forced = (request->flags & RINGFOLD_BLOCK_FORCE_ACCESS) != 0;
	u32 left = request->sectors << SECTOR_SHIFT;
	u16 pages[BLOCK_REQUEST_PAGES_MAX];
	struct bio *bio;
	unsigned int index;
	int error = find_pages(queue, request, pages);

	if (error != 0)
		return error;
	bio = bio_alloc(queue->disk->bdev, request->page_count,
			writes ? REQ_OP_WRITE | REQ_SYNC | (forced ? REQ_FUA : 0) : REQ_OP_READ, GFP_NOIO);
	bio->bi_iter.bi_sector = request->sector;
	for (index = 0; index < request->page_count; index++) {
		__bio_add_page(bio, pool_page(queue, pages[index]), min_t(u32, left, PAGE_SIZE), 0);
		left -= min_t(u32, left, PAGE_SIZE);
	}
	queue->sectors += request->sectors;
	submit(io, bio);
	return 0;
}

static void flush(struct block_io *io)
{
	submit(io, bio_alloc(io->queue->disk->bdev, 0, REQ_OP_WRITE | REQ_PREFLUSH, GFP_NOIO));
}

/* Ranges may take several requests of the disk; the last one ends when all have. */
static int change_range(struct block_io *io, const struct ringfold_block_request *request)
{
	struct block_device *bdev = io->queue->disk->bdev;
	struct bio *bio = NULL;
	int error;

	if (request->operation == RINGFOLD_BLOCK_DISCARD_RANGE)
		error = __blkdev_issue_discard(bdev, request->sector, request->sectors, GFP_NOIO, &bio);
	else
		error = __blkdev_issue_zeroout(bdev, request->sector, request->sectors, GFP_NOIO, &bio,
					       request->flags & RINGFOLD_BLOCK_NO_UNMAP ? BLKDEV_ZERO_NOUNMAP : 0);
	if (bio != NULL && error != 0) {
		submit_bio_wait(bio);
		bio_put(bio);
		bio = NULL;
	}
	if (bio != NULL)
		submit(io, bio);
	else
		end_io(io, error == 0 ? 0 : -RINGFOLD_BLOCK_EIO);
	return 0;
}

static int start_io(struct block_io *io, const struct ringfold_block_request *request)
{
	switch (request->operation) {
	case RINGFOLD_BLOCK_READ:
	case RINGFOLD_BLOCK_WRITE:
		return transfer(io, request);
	case RINGFOLD_BLOCK_FLUSH_CACHE:
		flush(io);
		return 0;
	default:
		return change_range(io, request);
	}
}

/* What a request takes of the disk's limit. */
static u32 cost_of(const struct ringfold_block_request *request)
{
	const bool has_data = request->operation == RINGFOLD_BLOCK_READ || request->operation == RINGFOLD_BLOCK_WRITE;

	return has_data ? clamp_t(u64, request->sectors, LEAST_COST, MOST_COST) << SECTOR_SHIFT : LEAST_COST << SECTOR_SHIFT;
}

static void serve(struct block_queue *queue, const struct ringfold_block_request *request)
{
	int error = block_check_request(request, &queue->limits);
	struct block_io *io;

	queue->requests++;
	rate_limit_take(&queue->disk->limit, cost_of(request));
	if (error != 0) {
		answer(queue, request->id, error);
		return;
	}
	io = take_io(queue, request->id);
	if (WARN_ON_ONCE(io == NULL)) { /* the ring has let through no more than there are */
		answer(queue, request->id, -RINGFOLD_BLOCK_EIO);
		return;
	}
	error = start_io(io, request);
	if (error != 0)
		end_io(io, error);
}

/* Its port is masked since it was told of what it has served. */
static void listen(struct block_queue *queue, bool in_vain)
{
	unsigned long wait = event_limit_wait(&queue->events, in_vain);

	if (wait != 0)
		queue_delayed_work(workers, &queue->work, wait);
	else
		enable_irq(queue->shared.irq);
}

/* False: nothing is served any more. */
static bool begin_serving(struct block_queue *queue)
{
	spin_lock_irq(&queue->lock);
	queue->serving = !queue->silent;
	spin_unlock_irq(&queue->lock);
	return queue->serving;
}

/* The same. */
static bool end_serving(struct block_queue *queue)
{
	bool silent;

	spin_lock_irq(&queue->lock);
	queue->serving = false;
	silent = queue->silent;
	tell_done(queue);
	spin_unlock_irq(&queue->lock);
	return !silent;
}

static void serve_queue(struct work_struct *work)
{
	struct block_queue *queue = container_of(to_delayed_work(work), struct block_queue, work);
	enum block_take taken = BLOCK_TAKEN;
	struct ringfold_block_request request;
	unsigned int served;
	struct blk_plug plug;
	u64 wait = 0;

	if (!begin_serving(queue))
		return;
	queue->limits.sectors = bdev_nr_sectors(queue->disk->bdev);
	blk_start_plug(&plug);
	for (served = 0; served < TURN && !READ_ONCE(queue->silent); served++) {
		wait = rate_limit_wait(&queue->disk->limit);
		if (wait != 0)
			break;
		taken = block_back_take(&queue->ring, &request);
		if (taken != BLOCK_TAKEN)
			break;
		serve(queue, &request);
	}
	blk_finish_plug(&plug);
	if (!end_serving(queue))
		return;
	if (taken == BLOCK_TAKEN)
		queue_delayed_work(workers, &queue->work, wait == 0 ? 0 : nsecs_to_jiffies(wait) + 1);
	else if (taken == BLOCK_BROKEN)
		backend_give_up(&queue->disk->device);
	else
		listen(queue, served == 0);
}

static irqreturn_t note_requests(int irq, void *data)
{
	struct block_queue *queue = data;

	disable_irq_nosync(irq);
	queue_delayed_work(workers, &queue->work, 0);
	return IRQ_HANDLED;
}

/* --- queues --- */

static void fill_limits(struct block_disk *disk, u32 features, struct block_limits *limits)
{
	/* Each of them has a page that lists the others, if it has more than one. */
	const u32 pages = max(disk->pool_pages / LARGE_REQUESTS - 1, 1U);

	*limits = (struct block_limits){
		.sectors = bdev_nr_sectors(disk->bdev),
		.logical_block = bdev_logical_block_size(disk->bdev),
		.features = features | (disk->device.features & RINGFOLD_BLOCK_READ_ONLY),
		.pages_limit = min_t(u32, pages, BLOCK_REQUEST_PAGES_MAX),
		.pool_pages = disk->pool_pages,
		.discard_limit = DISCARD_LIMIT,
		.write_zeroes_limit = WRITE_ZEROES_LIMIT,
	};
}

static void init_queue(struct block_disk *disk, u32 features, struct block_queue *queue)
{
	unsigned int index;

	queue->disk = disk;
	spin_lock_init(&queue->lock);
	INIT_DELAYED_WORK(&queue->work, serve_queue);
	INIT_LIST_HEAD(&queue->free);
	for (index = 0; index < ARRAY_SIZE(queue->ios); index++) {
		queue->ios[index].queue = queue;
		list_add_tail(&queue->ios[index].list, &queue->free);
	}
	fill_limits(disk, features, &queue->limits);
}

/* The requests take several pages, which lie wherever they do. */
static int map_requests(struct block_queue *queue)
{
	const void *requests = vmap(queue->shared.pages + 1, RINGFOLD_BLOCK_REQUEST_PAGES, VM_MAP, PAGE_KERNEL);

	if (requests == NULL)
		return -ENOMEM;
	queue->ring.requests = requests;
	queue->ring.queue = page_address(queue->shared.pages[0]);
	return 0;
}

static int open_queue(struct block_disk *disk, unsigned int number, struct block_queue *queue)
{
	int error = backend_make_queue(&disk->device, disk->device.queue_pages, cpumask_local_spread(number, NUMA_NO_NODE),
				       &queue->shared);

	if (error != 0)
		return error;
	error = map_requests(queue);
	if (error == 0)
		error = request_irq(queue->shared.irq, note_requests, IRQF_NO_AUTOEN, "ringfold-block", queue);
	if (error == 0) {
		backend_describe_queue(&disk->device, number, &queue->shared);
		return 0;
	}
	vunmap(queue->ring.requests);
	backend_free_queue(&queue->shared);
	return error;
}

static void close_queue(struct block_queue *queue)
{
	/* So that nobody begins to work, nor listens again. */
	disable_irq(queue->shared.irq);
	cancel_delayed_work_sync(&queue->work);
	free_irq(queue->shared.irq, queue);
	/* Who has ended the last request has let go of the queue. */
	spin_lock_irq(&queue->lock);
	WARN_ON(queue->in_flight != 0);
	spin_unlock_irq(&queue->lock);
	queue->disk->requests += queue->requests;
	queue->disk->sectors += queue->sectors;
	vunmap(queue->ring.requests);
	backend_free_queue(&queue->shared);
	kvfree(queue);
}

static void close_queues(struct block_disk *disk, unsigned int count)
{
	while (count-- > 0)
		close_queue(disk->queues[count]);
	kfree(disk->queues);
	disk->queues = NULL;
}

static int connect_block(struct backend_device *device, unsigned int queues, u32 features)
{
	struct block_disk *disk = disk_of(device);
	unsigned int number;
	int error = 0;

	disk->queues = kcalloc(queues, sizeof(*disk->queues), GFP_KERNEL);
	if (disk->queues == NULL)
		return -ENOMEM;
	for (number = 0; number < queues; number++) {
		struct block_queue *queue = kvzalloc(sizeof(*queue), GFP_KERNEL);

		if (queue == NULL) {
			error = -ENOMEM;
			break;
		}
		init_queue(disk, features, queue);
		error = open_queue(disk, number, queue);
		if (error != 0) {
			kvfree(queue);
			break;
		}
		disk->queues[number] = queue;
	}
	if (error != 0) {
		close_queues(disk, number);
		return error;
	}
	/* Not before: queues that are closed again have nothing under way. */
	for (number = 0; number < queues; number++)
		enable_irq(disk->queues[number]->shared.irq);
	return 0;
}

static bool fall_silent(struct backend_device *device)
{
	struct block_disk *disk = disk_of(device);
	unsigned int number;
	bool done = true;

	/* Nobody hears of its size until it is offered again. */
	mutex_lock(&disks_lock);
	list_del_init(&disk->list);
	mutex_unlock(&disks_lock);
	for (number = 0; number < device->queues; number++) {
		struct block_queue *queue = disk->queues[number];

		spin_lock_irq(&queue->lock);
		WRITE_ONCE(queue->silent, true);
		done &= is_done(queue);
		spin_unlock_irq(&queue->lock);
	}
	return done;
}

static void disconnect_block(struct backend_device *device)
{
	close_queues(disk_of(device), device->queues);
}

/* --- sizes --- */

/* The caller holds the lock of the list. */
static void offer_size(struct block_disk *disk)
{
	struct ringfold_block_offer *offer = (void *)disk->device.page->kind;
	const u64 sectors = bdev_nr_sectors(disk->bdev);

	if (sectors == disk->offered_sectors)
		return;
	disk->offered_sectors = sectors;
	WRITE_ONCE(offer->sectors, sectors);
	backend_notify(&disk->device);
}

static void look_at_size(struct backend_device *device)
{
	mutex_lock(&disks_lock);
	offer_size(disk_of(device));
	mutex_unlock(&disks_lock);
}

static void look_at_sizes(struct work_struct *work)
{
	struct block_disk *disk;

	mutex_lock(&disks_lock);
	list_for_each_entry(disk, &disks, list)
		offer_size(disk);
	if (!list_empty(&disks))
		queue_delayed_work(workers, &size_work, SIZE_INTERVAL);
	mutex_unlock(&disks_lock);
}

/* --- disks --- */

static void offer_block(struct backend_device *device)
{
	struct ringfold_block_offer *offer = (void *)device->page->kind;
	struct block_disk *disk = disk_of(device);
	struct block_limits limits;

	fill_limits(disk, 0, &limits);
	mutex_lock(&disks_lock);
	disk->offered_sectors = limits.sectors;
	*offer = (struct ringfold_block_offer){
		.sectors = limits.sectors,
		.logical_block = limits.logical_block,
		.physical_block = bdev_physical_block_size(disk->bdev),
		.pages_limit = limits.pages_limit,
		.discard_limit = limits.discard_limit,
		.discard_granularity = bdev_discard_granularity(disk->bdev),
		.write_zeroes_limit = limits.write_zeroes_limit,
		.rotational = !bdev_nonrot(disk->bdev),
	};
	if (list_empty(&disk->list))
		list_add_tail(&disk->list, &disks);
	mutex_unlock(&disks_lock);
	queue_delayed_work(workers, &size_work, SIZE_INTERVAL);
}

static void describe_block(struct backend_device *device, struct ringfold_backend_device *description)
{
	struct block_disk *disk = disk_of(device);
	u64 sectors = disk->sectors;
	unsigned int number;

	description->requests = disk->requests;
	for (number = 0; number < device->queues; number++) {
		description->requests += READ_ONCE(disk->queues[number]->requests);
		sectors += READ_ONCE(disk->queues[number]->sectors);
	}
	description->bytes = sectors << SECTOR_SHIFT;
	description->flags = disk->flags;
	description->sectors = bdev_nr_sectors(disk->bdev);
	description->block_device = new_encode_dev(disk->bdev->bd_dev);
}

static void free_block(struct backend_device *device)
{
	struct block_disk *disk = disk_of(device);

	mutex_lock(&disks_lock);
	list_del(&disk->list);
	mutex_unlock(&disks_lock);
	blkdev_put(disk->bdev, disk->mode);
	kfree(disk);
}

static const struct backend_kind block_kind = {
	.kind = RINGFOLD_DEVICE_BLOCK,
	.offer = offer_block,
	.connect = connect_block,
	.fall_silent = fall_silent,
	.look = look_at_size,
	.disconnect = disconnect_block,
	.describe = describe_block,
	.free = free_block,
};

/* A disk that is written to is written to by one guest only; others may read it, and see what they see. */
static int open_disk(struct block_disk *disk, int descriptor)
{
	const bool read_only = (disk->flags & RINGFOLD_BACKEND_READ_ONLY) != 0;
	struct fd file = fdget(descriptor);
	int error = -EBADF;

	if (file.file == NULL)
		return error;
	if (!S_ISBLK(file_inode(file.file)->i_mode))
		error = -ENOTBLK;
	else if (!(file.file->f_mode & FMODE_READ) || (!read_only && !(file.file->f_mode & FMODE_WRITE)))
		error = -EACCES;
	else
		error = 0;
	if (error == 0) {
		disk->mode = FMODE_READ | (read_only ? 0 : FMODE_WRITE | FMODE_EXCL);
		disk->bdev = blkdev_get_by_dev(file_inode(file.file)->i_rdev, disk->mode, disk);
		error = PTR_ERR_OR_ZERO(disk->bdev);
	}
	fdput(file);
	return error;
}

static u32 features_of(const struct block_disk *disk)
{
	u32 features = RINGFOLD_BLOCK_WRITE_ZEROES;

	if (disk->flags & RINGFOLD_BACKEND_READ_ONLY)
		return RINGFOLD_BLOCK_READ_ONLY;
	if (bdev_write_cache(disk->bdev))
		features |= RINGFOLD_BLOCK_FLUSH;
	if (bdev_max_discard_sectors(disk->bdev) != 0)
		features |= RINGFOLD_BLOCK_DISCARD;
	return features;
}

static int add_disk_of(struct block_disk *disk, const struct ringfold_backend_block *block)
{
	int error = open_disk(disk, block->descriptor);

	if (error != 0)
		return error;
	disk->device.kind = &block_kind;
	disk->device.number = block->number;
	disk->device.queue_limit = block->queue_limit ?: backend_usual_queues(block->domain);
	disk->device.queue_pages = RINGFOLD_BLOCK_POOL_FIRST + disk->pool_pages;
	disk->device.features = features_of(disk);
	error = backend_add(block->domain, &disk->device);
	if (error != 0)
		blkdev_put(disk->bdev, disk->mode);
	return error;
}

int backend_add_block(const struct ringfold_backend_block *block)
{
	const u32 pool_pages = block->pool_pages ?: DEFAULT_POOL_PAGES;
	struct block_disk *disk;
	int error;

	if ((block->flags & ~RINGFOLD_BACKEND_READ_ONLY) != 0 || block->number > U16_MAX ||
	    block->queue_limit > RINGFOLD_DEVICE_QUEUES || block->rate > RATE_LIMIT_MOST || pool_pages < 4 || pool_pages > MOST_POOL_PAGES)
		return -EINVAL;
	disk = kzalloc(sizeof(*disk), GFP_KERNEL);
	if (disk == NULL)
		return -ENOMEM;
	INIT_LIST_HEAD(&disk->list);
	disk->flags = block->flags;
	disk->pool_pages = pool_pages;
	rate_limit_init(&disk->limit, block->rate, BLOCK_REQUEST_PAGES_MAX * PAGE_SIZE);
	error = add_disk_of(disk, block);
	if (error != 0)
		kfree(disk);
	return error;
}

static int __init start_block_back(void)
{
	BUILD_BUG_ON(sizeof(struct ringfold_block_request) * RINGFOLD_BLOCK_DEPTH != RINGFOLD_BLOCK_REQUEST_PAGES * PAGE_SIZE);
	BUILD_BUG_ON(BLOCK_REQUEST_PAGES_MAX > BIO_MAX_VECS);
	workers = alloc_workqueue("ringfold-block", WQ_UNBOUND | WQ_HIGHPRI | WQ_MEM_RECLAIM, 0);
	return workers != NULL ? 0 : -ENOMEM;
}
subsys_initcall(start_block_back);
