"""What abbreviations, symbols and units stand for. Alternatives are separated by commas, the likeliest first."""

from __future__ import annotations


def _table(lines: str) -> dict[str, tuple[tuple[str, ...], ...]]:
    rows = (line.split(" = ") for line in lines.strip().splitlines())
    return {key.strip(): tuple(tuple(way.split()) for way in ways.split(",")) for key, ways in rows}


ABBREVIATIONS = _table("""
mr = mister
mrs = missus,misses
ms = miz,miss
messrs = messers
dr = doctor,drive
prof = professor
rev = reverend
hon = honorable
gen = general
col = colonel
capt = captain
lt = lieutenant
cpl = corporal
sgt = sergeant
maj = major
cmdr = commander
adm = admiral
gov = governor
sen = senator
rep = representative
pres = president
st = saint,street
ste = saint,suite
mt = mount
ft = fort,feet,foot
ave = avenue
blvd = boulevard
rd = road
ln = lane
hwy = highway
apt = apartment
jr = junior
sr = senior
esq = esquire
vs = versus
v = versus,v
etc = et cetera,etcetera
eg = for example,e g
e.g = for example,e g
ie = that is,i e
i.e = that is,i e
cf = compare,c f
al = al
viz = namely,viz
approx = approximately
dept = department
est = established,estimated
ext = extension
fig = figure
vol = volume
no = number,no
nos = numbers
pp = pages
ch = chapter
sec = section,second
ed = edition,editor
co = company,co
corp = corporation
inc = incorporated,ink
ltd = limited
bros = brothers
assn = association
univ = university
govt = government
min = minutes,minute
hr = hour
hrs = hours
yr = year
yrs = years
wk = week
mo = month,mo
jan = january
feb = february
mar = march
apr = april
jun = june
jul = july
aug = august
sep = september
sept = september
oct = october
nov = november
dec = december
mon = monday
tue = tuesday
tues = tuesday
wed = wednesday
thu = thursday
thur = thursday
thurs = thursday
fri = friday
sat = saturday
sun = sunday
a.m = a m
p.m = p m
a.d = a d
b.c = b c
ph.d = p h d
u.s = u s
u.k = u k
""")
"""By the lower-case form without its last full stop."""

ALWAYS = frozenset(("mr", "mrs", "ms", "dr", "prof", "jr", "sr", "vs", "etc", "st", "ltd", "messrs", "blvd", "hwy"))
"""Abbreviations also without a full stop."""

SYMBOLS = _table("""
& = and
+ = plus,and
= = equals,is
@ = at
# = number,hashtag,hash,pound
% = percent
° = degrees,degree
× = times,by,x
÷ = divided by
± = plus or minus
− = minus
§ = section
© = copyright
® = registered
™ = trademark,t m
~ = about,tilde
< = less than
> = greater than
* = star,times,asterisk
^ = to the power of
€ = euros,euro
£ = pounds,pound
$ = dollars,dollar
¥ = yen
₹ = rupees
√ = square root of
π = pi
µ = micro
½ = a half,one half,half
¼ = a quarter,one quarter,one fourth
¾ = three quarters,three fourths
⅓ = a third,one third
⅔ = two thirds
² = squared,square
³ = cubed,cubic
\\ = backslash
_ = underscore
| = bar,pipe
""")

INSIDE = _table("""
. = dot,point
/ = slash
: = colon
- = dash,hyphen
? = question mark
""")
"""Punctuation that is said in addresses of the net."""

UNITS = _table("""
% = percent
‰ = per mille,per thousand
° = degrees,degree
°c = degrees celsius,degrees
°f = degrees fahrenheit,degrees
k = thousand,k
m = million,meters,meter,m
bn = billion
b = billion,b
tn = trillion
mm = millimeters,millimeter
cm = centimeters,centimeter
km = kilometers,kilometer,k m
km/h = kilometers per hour,kilometers an hour
kph = kilometers per hour,k p h
mph = miles per hour,miles an hour,m p h
in = inches,inch
ft = feet,foot
yd = yards,yard
mi = miles,mile
g = grams,gram,g
mg = milligrams,milligram
kg = kilograms,kilogram,kilos,kilo
lb = pounds,pound
lbs = pounds
oz = ounces,ounce
l = liters,liter
ml = milliliters,milliliter
s = seconds,second,s
sec = seconds,second
ms = milliseconds,millisecond
min = minutes,minute
h = hours,hour
hr = hours,hour
hrs = hours
am = a m
a.m = a m
pm = p m
p.m = p m
hz = hertz
khz = kilohertz
mhz = megahertz
ghz = gigahertz
kb = kilobytes,k b
mb = megabytes,m b
gb = gigabytes,gig,gigs,g b
tb = terabytes,t b
w = watts,watt
kw = kilowatts,kilowatt
kwh = kilowatt hours,kilowatt hour
v = volts,volt
x = times,x
d = d
p = p,pence
c = cents,c,celsius
""")
"""What may follow a number without a space, by its lower-case form."""

CURRENCIES = {
    "$": ("dollar", "dollars", "cent", "cents"),
    "us$": ("dollar", "dollars", "cent", "cents"),
    "£": ("pound", "pounds", "penny", "pence"),
    "€": ("euro", "euros", "cent", "cents"),
    "¥": ("yen", "yen", "sen", "sen"),
    "₹": ("rupee", "rupees", "paisa", "paise"),
}
"""One and more of the coin, one and more of its hundredth."""

MAGNITUDES = frozenset(("hundred", "thousand", "million", "billion", "trillion"))

MONTHS = (
    *("january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november"),
    "december",
)
