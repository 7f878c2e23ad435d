using System.Globalization;

namespace Delos.Bench.Peers;

/// <summary>How much of the processors' time a virtual machine's host gave to others since this was made: noise that no program in the machine can help. From <c>/proc/stat</c>, which counts in hundredths of a second.</summary>
internal sealed class StolenTime
{
    /// <summary>user, nice, system, idle, iowait, irq, softirq and steal; what follows is counted in user already.</summary>
    private const int Kinds = 8;

    private readonly (long Stolen, long All) _begun = Read();

    /// <summary>From 0 to 1, over all processors.</summary>
    public double Share
    {
        get
        {
            var (stolen, all) = Read();
            return all == _begun.All ? 0 : (double)(stolen - _begun.Stolen) / (all - _begun.All);
        }
    }

    private static (long Stolen, long All) Read()
    {
        var all = File.ReadLines("/proc/stat").First().Split(' ', StringSplitOptions.RemoveEmptyEntries).Skip(1).Take(Kinds).Select(static ticks => long.Parse(ticks, CultureInfo.InvariantCulture)).ToArray();
        return (all[^1], all.Sum());
    }
}
