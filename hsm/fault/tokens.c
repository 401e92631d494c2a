/* Room `tokens`: the slots, and how a token goes and comes back. The table of sessions is in sessions.c; both share one
 * lock, which is never held across a call into the module below. */
#include "tokens.h"

#include <pthread.h>
#include <string.h>

#include "below.h"
#include "clock.h"
#include "sessions.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static fault_slot slots[FAULT_SLOTS_MAX];
static size_t slots_n;

void hf_fault_tokens_lock(void)
{
    pthread_mutex_lock(&lock);
}

void hf_fault_tokens_unlock(void)
{
    pthread_mutex_unlock(&lock);
}

fault_slot *hf_fault_slot_at(int index)
{
    return &slots[index];
}

void hf_fault_place_of(int index, fault_place *out)
{
    const fault_slot *slot = &slots[index];

    out->slot = index;
    memcpy(out->label, slot->label, sizeof out->label);
    out->epoch = slot->epoch;
    out->absent = slot->absent;
}

/* The label without its padding; empty when the token has none. */
static void ask_label(CK_SLOT_ID id, char out[FAULT_LABEL_MAX])
{
    const CK_FUNCTION_LIST *below = hf_fault_below();
    CK_TOKEN_INFO info;
    size_t len = 0;

    memset(out, 0, FAULT_LABEL_MAX);
    memset(&info, 0, sizeof info);
    if (!below->C_GetTokenInfo || below->C_GetTokenInfo(id, &info) != CKR_OK)
        return;
    memcpy(out, info.label, sizeof info.label);
    for (size_t i = 0; i < sizeof info.label && out[i] != '\0'; i++)
        if (out[i] != ' ')
            len = i + 1;
    memset(out + len, 0, FAULT_LABEL_MAX - len);
}

static int find_locked(CK_SLOT_ID id)
{
    for (size_t i = 0; i < slots_n; i++)
        if (slots[i].id == id)
            return (int)i;
    return -1;
}

bool hf_fault_slot(CK_SLOT_ID id, fault_place *out)
{
    char label[FAULT_LABEL_MAX];

    pthread_mutex_lock(&lock);
    int index = find_locked(id);
    bool ask = index < 0 || slots[index].relabel;
    pthread_mutex_unlock(&lock);
    if (ask)
        ask_label(id, label);
    pthread_mutex_lock(&lock);
    index = find_locked(id);
    if (index < 0 && slots_n < FAULT_SLOTS_MAX) {
        index = (int)slots_n++;
        slots[index] = (fault_slot){.id = id, .reset_ns = hf_fault_now()};
    }
    if (index >= 0) {
        if (ask) {
            memcpy(slots[index].label, label, sizeof label);
            slots[index].relabel = false;
        }
        hf_fault_place_of(index, out);
    }
    pthread_mutex_unlock(&lock);
    return index >= 0;
}

void hf_fault_slot_relabel(const fault_place *place)
{
    pthread_mutex_lock(&lock);
    slots[place->slot].relabel = true;
    pthread_mutex_unlock(&lock);
}

CK_SLOT_ID hf_fault_slot_id(const fault_place *place)
{
    pthread_mutex_lock(&lock);
    CK_SLOT_ID id = slots[place->slot].id;
    pthread_mutex_unlock(&lock);
    return id;
}

bool hf_fault_still(const fault_place *place)
{
    pthread_mutex_lock(&lock);
    bool still = !slots[place->slot].absent && slots[place->slot].epoch == place->epoch;
    pthread_mutex_unlock(&lock);
    return still;
}

/* Whether the token is wanted away; of several lines the last one whose time it is. */
static bool wanted_away(const fault_rules *rules, uint64_t now_ns, const char *label)
{
    bool away = false;

    for (size_t i = 0; i < rules->n; i++) {
        const fault_rule *rule = &rules->rules[i];
        if (rule->kind == FAULT_TOKEN && rule->presence != FAULT_RESET && hf_fault_in_scope(rule, label) &&
            hf_fault_in_time(rule, now_ns))
            away = rule->presence == FAULT_ABSENT;
    }
    return away;
}

/* A reset, and the removal for a while, happens once for each slot that was known when its time began: also when nobody
 * called while it lasted. */
static bool take_reset(const fault_rules *rules, uint64_t now_ns, fault_slot *slot)
{
    bool any = false;

    for (size_t i = 0; i < rules->n; i++) {
        const fault_rule *rule = &rules->rules[i];
        bool once = rule->presence == FAULT_RESET || (rule->presence == FAULT_ABSENT && rule->when.for_ns > 0);
        if (rule->kind != FAULT_TOKEN || !once || !hf_fault_in_scope(rule, slot->label))
            continue;
        uint64_t begin = rule->state->since_ns + rule->when.after_ns;
        if (begin > slot->reset_ns && begin <= now_ns) {
            slot->reset_ns = begin;
            any = true;
        }
    }
    return any;
}

static void update(const fault_rules *rules, uint64_t now_ns, int index)
{
    fault_slot *slot = &slots[index];

    pthread_mutex_lock(&lock);
    bool away = wanted_away(rules, now_ns, slot->label);
    bool reset = take_reset(rules, now_ns, slot);
    if ((away || reset) && !slot->absent) {
        slot->absent = true;
        slot->epoch++;
        slot->event = true;
        hf_fault_sessions_doom(index);
    }
    bool closing = slot->absent && slot->doomed > 0;
    pthread_mutex_unlock(&lock);
    if (closing)
        hf_fault_sessions_bury(index);
    pthread_mutex_lock(&lock);
    if (slot->absent && !away && slot->doomed == 0) {
        slot->absent = false;
        slot->event = true;
        hf_fault_sessions_forget(index);
    }
    pthread_mutex_unlock(&lock);
}

void hf_fault_update(const fault_rules *rules, uint64_t now_ns, fault_place *place)
{
    update(rules, now_ns, place->slot);
    pthread_mutex_lock(&lock);
    hf_fault_place_of(place->slot, place);
    pthread_mutex_unlock(&lock);
}

void hf_fault_update_all(const fault_rules *rules, uint64_t now_ns)
{
    pthread_mutex_lock(&lock);
    size_t n = slots_n;
    pthread_mutex_unlock(&lock);
    for (size_t i = 0; i < n; i++)
        update(rules, now_ns, (int)i);
}

bool hf_fault_event(CK_SLOT_ID *out)
{
    bool any = false;

    pthread_mutex_lock(&lock);
    for (size_t i = 0; i < slots_n && !any; i++)
        if (slots[i].event) {
            slots[i].event = false;
            *out = slots[i].id;
            any = true;
        }
    pthread_mutex_unlock(&lock);
    return any;
}

void hf_fault_tokens_reset(void)
{
    pthread_mutex_lock(&lock);
    hf_fault_sessions_reset();
    for (size_t i = 0; i < slots_n; i++) {
        slots[i].absent = slots[i].event = false;
        slots[i].open = slots[i].doomed = 0;
        slots[i].relabel = true;
    }
    pthread_mutex_unlock(&lock);
}

void hf_fault_tokens_close(void)
{
    hf_fault_tokens_reset();
    pthread_mutex_lock(&lock);
    hf_fault_sessions_free();
    slots_n = 0;
    pthread_mutex_unlock(&lock);
}
