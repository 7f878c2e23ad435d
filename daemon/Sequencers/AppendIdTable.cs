namespace Delos.Daemon.Sequencers;

/// <summary>
/// The append ids that a Loglet's sequencer knows, by client. It lives exactly as long as its Loglet, so it is never stale, and keeps every client's floor for that time
/// (DESIGN §3, exactly-once append). Bounded: when it is full the sequencer ends the Loglet rather than forget anything.
/// </summary>
public sealed class AppendIdTable(SequencerOptions options)
{
    private readonly Dictionary<ulong, ClientIds> _clients = [];
    private ClientIds? _last;

    public int Clients => _clients.Count;

    /// <summary>Remembered positions, used or not.</summary>
    public long Slots { get; private set; }

    /// <summary>Null if the client never appended here.</summary>
    public ClientIds? Find(ulong clientId)
    {
        if (_last is { } last && last.ClientId == clientId) return last;
        if (!_clients.TryGetValue(clientId, out var ids)) return null;
        _last = ids;
        return ids;
    }

    /// <summary>Null if the table has no room for another client.</summary>
    public ClientIds? FindOrAdd(ulong clientId, ulong floor)
    {
        if (Find(clientId) is { } known) return known;
        if (_clients.Count >= options.MaxClients || Slots + ClientIds.InitialSlots > options.MaxRememberedIds) return null;
        var ids = new ClientIds(clientId, floor);
        _clients.Add(clientId, ids);
        Slots += ids.Slots;
        _last = ids;
        return ids;
    }

    /// <summary>Makes room to record sequences up to <paramref name="last"/>.</summary>
    public IdRoom Reserve(ClientIds ids, ulong last)
    {
        var slots = ids.SlotsFor(last, options.MaxClientWindow);
        if (slots == ids.Slots) return IdRoom.Enough;
        if (slots < 0) return IdRoom.WindowExceeded;
        if (Slots - ids.Slots + slots > options.MaxRememberedIds) return IdRoom.TableFull;
        Slots += slots - ids.Slots;
        ids.Grow((int)slots);
        return IdRoom.Enough;
    }
}

/// <summary>Whether the table of append ids can take another one.</summary>
public enum IdRoom
{
    Enough,

    /// <summary>The client is too far above its floor: it must resolve older appends first.</summary>
    WindowExceeded,

    /// <summary>No room for anybody: the Loglet has to be ended.</summary>
    TableFull,
}
