(SELECT {series}, model FROM champions WHERE cutoff = {cutoff})
