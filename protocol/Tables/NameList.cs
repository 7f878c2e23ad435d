using Delos.Protocol.Messages;

namespace Delos.Protocol.Tables;

/// <summary>The names that a transaction uses, each once and in the order of first use; elsewhere in it a name is its number (2 bytes).</summary>
internal sealed class NameList
{
    public const int MaxNames = ushort.MaxValue;

    /// <summary>So many are found faster one after the other.</summary>
    private const int Few = 8;

    private readonly List<string> _names = new(4);
    private Dictionary<string, int>? _numbers;

    /// <exception cref="InvalidOperationException">More names than there are numbers.</exception>
    public ushort NumberOf(string name)
    {
        if (Find(name) is var known and >= 0) return (ushort)known;
        if (_names.Count == MaxNames) throw new InvalidOperationException($"A transaction uses at most {MaxNames} names.");
        _names.Add(name);
        if (_numbers is not null) _numbers.Add(name, _names.Count - 1);
        else if (_names.Count > Few) _numbers = _names.Index().ToDictionary(static n => n.Item, static n => n.Index, StringComparer.Ordinal);
        return (ushort)(_names.Count - 1);
    }

    public void Write(ByteBuilder bytes)
    {
        bytes.U16((ushort)_names.Count);
        foreach (var name in _names) bytes.Text(name);
    }

    private int Find(string name)
    {
        if (_numbers is not null) return _numbers.GetValueOrDefault(name, -1);
        for (var i = 0; i < _names.Count; i++)
        {
            if (string.Equals(_names[i], name, StringComparison.Ordinal)) return i;
        }

        return -1;
    }
}

/// <summary>Reads names by their numbers. Nothing throws: what is not as <see cref="NameList"/> writes it makes the reader fail.</summary>
internal struct NameListReader
{
    /// <summary>So few are compared with each other faster than put into a set.</summary>
    private const int FewNames = 16;

    private readonly string[] _names;
    private int _used;

    public NameListReader(ref MessageReader reader)
    {
        var count = reader.U16();
        if (count > reader.Remaining / 4) reader.Fail();
        _names = reader.Failed ? [] : new string[count];
        var seen = _names.Length > FewNames ? new HashSet<string>(StringComparer.Ordinal) : null;
        for (var i = 0; i < _names.Length && !reader.Failed; i++)
        {
            var name = reader.Text();
            if (seen is null ? _names.AsSpan(0, i).Contains(name) : !seen.Add(name)) reader.Fail();
            _names[i] = name;
        }
    }

    /// <summary>Whether every name was used.</summary>
    public readonly bool AllUsed => _used == _names.Length;

    public string Read(ref MessageReader reader)
    {
        var number = reader.U16();
        if (number > _used || number >= _names.Length) reader.Fail();
        if (reader.Failed) return "";
        if (number == _used) _used++;
        return _names[number];
    }
}
