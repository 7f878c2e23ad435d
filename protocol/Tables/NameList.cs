using Delos.Protocol.Messages;

namespace Delos.Protocol.Tables;

/// <summary>The names that a transaction uses, each once and in the order of first use; elsewhere in it a name is its number (2 bytes).</summary>
internal sealed class NameList
{
    public const int MaxNames = ushort.MaxValue;

    private readonly Dictionary<string, int> _numbers = new(StringComparer.Ordinal);
    private readonly List<string> _names = [];

    /// <exception cref="InvalidOperationException">More names than there are numbers.</exception>
    public ushort NumberOf(string name)
    {
        if (_numbers.TryGetValue(name, out var number)) return (ushort)number;
        if (_names.Count == MaxNames) throw new InvalidOperationException($"A transaction uses at most {MaxNames} names.");
        _numbers.Add(name, _names.Count);
        _names.Add(name);
        return (ushort)(_names.Count - 1);
    }

    public void Write(ByteBuilder bytes)
    {
        bytes.U16((ushort)_names.Count);
        foreach (var name in _names) bytes.Text(name);
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
