namespace Delos.Client.Tables;

/// <summary>Which node is asked next: the one that answered last, as long as it does; else one that has not failed lately. Pure: told the time. Not thread-safe.</summary>
/// <param name="start">Decides where clients begin, so that they do not all begin at the same node.</param>
internal sealed class NodeChoice(int start)
{
    /// <summary>A node that failed is asked again when others cannot help, or after so long.</summary>
    public static readonly TimeSpan Shunned = TimeSpan.FromSeconds(2);

    /// <summary>A node that failed is not moved to for so long: to be a little quicker is not worth another failure.</summary>
    public static readonly TimeSpan Distrusted = TimeSpan.FromSeconds(30);

    private readonly Dictionary<uint, TimeSpan> _failedAt = [];
    private readonly Dictionary<uint, TimeSpan> _lastFailedAt = [];
    private uint _preferred;

    /// <summary>The table nodes of the cluster, in order.</summary>
    public IReadOnlyList<uint> Nodes { get; private set; } = [];

    public void Update(IReadOnlyList<uint> nodes)
    {
        Nodes = nodes;
        if (!nodes.Contains(_preferred)) _preferred = 0;
        foreach (var gone in _lastFailedAt.Keys.Except(nodes).ToList())
        {
            _failedAt.Remove(gone);
            _lastFailedAt.Remove(gone);
        }
    }

    /// <summary>0: all of them have been tried, or there is none.</summary>
    /// <param name="tried">Nodes that this operation has asked in vain.</param>
    /// <param name="now">Time since some beginning.</param>
    public uint Next(IReadOnlyList<uint> tried, TimeSpan now)
    {
        if (Nodes.Count == 0) return 0;
        if (_preferred != 0 && !tried.Contains(_preferred) && !IsShunned(_preferred, now)) return _preferred;
        var first = _preferred == 0 ? (int)((uint)start % (uint)Nodes.Count) : Nodes.IndexOf(_preferred);
        uint second = 0;
        for (var i = 0; i < Nodes.Count; i++)
        {
            var node = Nodes[(first + i) % Nodes.Count];
            if (tried.Contains(node)) continue;
            if (!IsShunned(node, now)) return node;
            if (second == 0) second = node;
        }

        return second;
    }

    public void Failed(uint node, TimeSpan now) => _failedAt[node] = _lastFailedAt[node] = now;

    /// <summary>It answered: from now on it is asked first, unless another one is and works.</summary>
    public void Answered(uint node, TimeSpan now)
    {
        _failedAt.Remove(node);
        if (_preferred == 0 || IsShunned(_preferred, now)) _preferred = node;
    }

    /// <summary>Moves to a node that is better than others, if it is one of them and has not failed lately.</summary>
    public void Prefer(uint node, TimeSpan now)
    {
        if (Nodes.Contains(node) && !(_lastFailedAt.TryGetValue(node, out var at) && now - at < Distrusted)) _preferred = node;
    }

    private bool IsShunned(uint node, TimeSpan now) => _failedAt.TryGetValue(node, out var at) && now - at < Shunned;
}

file static class Lists
{
    public static int IndexOf(this IReadOnlyList<uint> list, uint value)
    {
        for (var i = 0; i < list.Count; i++)
        {
            if (list[i] == value) return i;
        }

        return 0;
    }
}
