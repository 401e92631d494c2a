/* Room `sessions`: the table of the application's session handles. */
#include "sessions.h"

#include <stdlib.h>
#include <string.h>

#include "below.h"
#include "record.h"

typedef enum fault_life {
    FAULT_FREE,
    FAULT_OPEN,
    FAULT_CLOSED,  /* by the application, while another call still uses it */
    FAULT_DOOMED,  /* its token went; not yet closed below */
    FAULT_CLOSING, /* being closed below */
    FAULT_GONE     /* closed below; the token is still away */
} fault_life;

typedef struct fault_session {
    fault_life life;
    CK_SESSION_HANDLE handle, below;
    int slot;
    unsigned busy;      /* calls that use it */
    unsigned long uses; /* how often this row was taken: handles do not come again soon */
} fault_session;

static fault_session *table;
static size_t table_n;

static fault_session *find(CK_SESSION_HANDLE handle)
{
    size_t i = (size_t)(handle & 0xffff);

    if (i == 0 || i > table_n || table[i - 1].life == FAULT_FREE || table[i - 1].handle != handle)
        return NULL;
    return &table[i - 1];
}

static fault_session *new_row(void)
{
    for (size_t i = 0; i < table_n; i++)
        if (table[i].life == FAULT_FREE)
            return &table[i];
    size_t n = table_n ? table_n * 2 : 16;
    if (n > FAULT_SESSIONS_MAX)
        n = FAULT_SESSIONS_MAX;
    fault_session *grown = n > table_n ? realloc(table, n * sizeof *grown) : NULL;
    if (!grown)
        return NULL;
    memset(grown + table_n, 0, (n - table_n) * sizeof *grown);
    table = grown;
    size_t first = table_n;
    table_n = n;
    return &table[first];
}

static void free_row(fault_session *s)
{
    s->life = FAULT_FREE;
    s->below = 0;
}

static void shut(fault_session *s)
{
    fault_slot *slot = hf_fault_slot_at(s->slot);

    if (slot->open > 0)
        slot->open--;
    hf_fault_record_sessions(-1);
}

bool hf_fault_session_reserve(const fault_place *place, unsigned long max)
{
    hf_fault_tokens_lock();
    fault_slot *slot = hf_fault_slot_at(place->slot);
    bool room = slot->open < max;
    if (room)
        slot->open++;
    hf_fault_tokens_unlock();
    return room;
}

CK_RV hf_fault_session_open(const fault_place *place, CK_SESSION_HANDLE below, CK_SESSION_HANDLE *out)
{
    CK_RV rv = CKR_OK;

    hf_fault_tokens_lock();
    fault_slot *slot = hf_fault_slot_at(place->slot);
    bool same = slot->epoch == place->epoch;
    fault_session *s = below && same ? new_row() : NULL;
    if (s) {
        *s = (fault_session){FAULT_OPEN, 0, below, place->slot, 0, s->uses + 1};
        s->handle = (CK_SESSION_HANDLE)((s->uses & 0x7fff) << 16 | (unsigned long)(s - table + 1));
        *out = s->handle;
        hf_fault_record_sessions(1);
    } else {
        if (same && slot->open > 0)
            slot->open--;
        rv = same ? CKR_HOST_MEMORY : CKR_DEVICE_REMOVED;
    }
    hf_fault_tokens_unlock();
    if (!s && below)
        (void)hf_fault_below()->C_CloseSession(below);
    return rv;
}

unsigned long hf_fault_session_count(const fault_place *place)
{
    hf_fault_tokens_lock();
    unsigned long n = hf_fault_slot_at(place->slot)->open;
    hf_fault_tokens_unlock();
    return n;
}

bool hf_fault_session_find(CK_SESSION_HANDLE session, fault_place *out)
{
    hf_fault_tokens_lock();
    const fault_session *s = find(session);
    if (s)
        hf_fault_place_of(s->slot, out);
    hf_fault_tokens_unlock();
    return s != NULL;
}

CK_RV hf_fault_session_take(CK_SESSION_HANDLE session, CK_SESSION_HANDLE *out_below)
{
    CK_RV rv = CKR_SESSION_HANDLE_INVALID;

    hf_fault_tokens_lock();
    fault_session *s = find(session);
    if (s && s->life == FAULT_OPEN) {
        s->busy++;
        *out_below = s->below;
        rv = CKR_OK;
    } else if (s && hf_fault_slot_at(s->slot)->absent) {
        rv = CKR_DEVICE_REMOVED;
    }
    hf_fault_tokens_unlock();
    return rv;
}

void hf_fault_session_give(CK_SESSION_HANDLE session)
{
    int bury = -1;

    hf_fault_tokens_lock();
    fault_session *s = find(session);
    if (s && s->busy > 0 && --s->busy == 0) {
        if (s->life == FAULT_CLOSED)
            free_row(s);
        else if (s->life == FAULT_DOOMED)
            bury = s->slot;
    }
    hf_fault_tokens_unlock();
    if (bury >= 0)
        hf_fault_sessions_bury(bury);
}

static void close_row(fault_session *s)
{
    if (s->life != FAULT_OPEN)
        return;
    shut(s);
    s->life = FAULT_CLOSED;
    if (s->busy == 0)
        free_row(s);
}

void hf_fault_session_closed(CK_SESSION_HANDLE session)
{
    hf_fault_tokens_lock();
    fault_session *s = find(session);
    if (s && s->life == FAULT_DOOMED) { /* its token went meanwhile: one thing less to close */
        s->life = FAULT_GONE;
        hf_fault_slot_at(s->slot)->doomed--;
    } else if (s) {
        close_row(s);
    }
    hf_fault_tokens_unlock();
}

void hf_fault_sessions_closed(const fault_place *place)
{
    hf_fault_tokens_lock();
    for (size_t i = 0; i < table_n; i++)
        if (table[i].slot == place->slot)
            close_row(&table[i]);
    hf_fault_tokens_unlock();
}

void hf_fault_sessions_doom(int slot)
{
    for (size_t i = 0; i < table_n; i++) {
        fault_session *s = &table[i];
        if (s->life != FAULT_OPEN || s->slot != slot)
            continue;
        s->life = FAULT_DOOMED;
        hf_fault_slot_at(slot)->doomed++;
        hf_fault_record_sessions(-1);
    }
    hf_fault_slot_at(slot)->open = 0;
}

void hf_fault_sessions_bury(int slot)
{
    for (;;) {
        fault_session *s = NULL;
        hf_fault_tokens_lock();
        for (size_t i = 0; i < table_n && !s; i++)
            if (table[i].slot == slot && table[i].life == FAULT_DOOMED && table[i].busy == 0)
                s = &table[i];
        CK_SESSION_HANDLE handle = s ? s->handle : 0;
        CK_SESSION_HANDLE below = s ? s->below : 0;
        if (s)
            s->life = FAULT_CLOSING;
        hf_fault_tokens_unlock();
        if (handle == 0)
            return;
        (void)hf_fault_below()->C_CloseSession(below);
        hf_fault_tokens_lock();
        s = find(handle); /* the table may have moved */
        if (s && s->life == FAULT_CLOSING) {
            s->life = FAULT_GONE;
            hf_fault_slot_at(slot)->doomed--;
        }
        hf_fault_tokens_unlock();
    }
}

void hf_fault_sessions_forget(int slot)
{
    for (size_t i = 0; i < table_n; i++)
        if (table[i].life == FAULT_GONE && table[i].slot == slot)
            free_row(&table[i]);
}

/* A call that is still under way, against the rules of PKCS#11, finds its row closed when it comes back. */
void hf_fault_sessions_reset(void)
{
    for (size_t i = 0; i < table_n; i++) {
        if (table[i].life == FAULT_OPEN)
            shut(&table[i]);
        if (table[i].busy > 0)
            table[i].life = FAULT_CLOSED;
        else
            free_row(&table[i]);
    }
}

void hf_fault_sessions_free(void)
{
    free(table);
    table = NULL;
    table_n = 0;
}
